#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/ack_id.h"
#include "broker/store/records.h"
#include "require.h"

namespace pollbus::broker {
namespace {

using testing::require;

constexpr MessageId kBatchId = 1;
constexpr std::size_t kMessages = 300;

// A record either is refused as damaged, or encoding what was decoded gives a record that decodes
// to the same values.
template <typename Decode, typename Encode>
void check_record(std::string_view record, Decode decode, Encode encode) {
  const auto decoded = decode(record);
  if (!decoded.ok()) {
    require(absl::IsDataLoss(decoded.status()), "a damaged record is data loss");
    return;
  }
  const std::string encoded = encode(*decoded);
  const auto again = decode(encoded);
  require(again.ok(), "an encoded record can be decoded");
  require(encode(*again) == encoded, "decoding and encoding a record again gives the same bytes");
}

void check_ack_id(std::string_view text) {
  const std::optional<AckId> id = AckId::parse(text);
  if (!id) return;
  AckId::Text buffer;
  require(AckId::parse(id->format(buffer)) == id, "a formatted ack id is parsed as the same id");
}

absl::StatusOr<std::vector<AddedDelivery>> decode_all_added(std::string_view value) {
  std::vector<AddedDelivery> added;
  absl::Status status = decode_added(value, kMessages, &added);
  if (!status.ok()) return status;
  return added;
}

// The first byte of an input selects the kind of record, or the ack id; the rest is its content.
void check(std::string_view input) {
  if (input.empty()) return;
  const std::string_view record = input.substr(1);
  switch (input.front()) {
    case 'n':
      return check_record(record, decode_number, encode_number);
    case 's':
      return check_record(record, decode_subscription, encode_subscription);
    case 'b':
      return check_record(
          record, [](std::string_view value) { return decode_batch(kBatchId, value); },
          encode_batch);
    case 'i':
      return check_record(record, decode_batch_key, batch_key);
    case 't':
      return check_record(record, decode_states_key,
                          [](const StatesKey& key) { return states_key(key.first_id, key.block); });
    case 'l':
      return check_record(record, decode_log, encode_log);
    case 'a':
      return check_record(record, decode_all_added, [](const std::vector<AddedDelivery>& added) {
        return encode_added(added);
      });
    case 'd':
      return check_record(record, decode_added_key, [](const AddedKey& key) {
        return added_key(key.first_id, key.first_delivery);
      });
    case 'c':
      return check_ack_id(record);
    case 'k':
      return check_record(record, decode_subscription_key, subscription_key);
    default:
      return;
  }
}

}  // namespace
}  // namespace pollbus::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollbus::broker::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
