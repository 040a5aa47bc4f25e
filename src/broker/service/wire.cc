#include "broker/service/wire.h"

#include <grpcpp/impl/codegen/proto_buffer_reader.h>

#include <charconv>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>

#include "base/varint.h"
#include "broker/core/ack_id.h"
#include "broker/schemas/parsed_size.h"

namespace pollbus::broker {
namespace {

// Tags of length-delimited fields (https://protobuf.dev/programming-guides/encoding).
constexpr char kReceivedMessagesTag = 1 << 3 | 2;
constexpr char kAckIdTag = 1 << 3 | 2;
constexpr char kMessageTag = 2 << 3 | 2;
constexpr char kDeliveryAttemptTag = 3 << 3;
constexpr char kMessageIdsTag = 1 << 3 | 2;

constexpr std::size_t kMaxDecimalBytes = 20;
// The size of a delivery without its message: four tags and numbers, and the ack id.
constexpr std::size_t kMaxDeliveryOverheadBytes = 4 * (1 + kMaxVarintBytes) + AckId::kMaxTextBytes;

// What a request may take after it has been parsed. The largest publish takes a third of it.
constexpr std::size_t kMaxParsedRequestBytes = 64 << 20;
// No request of this size takes more.
constexpr std::size_t kUncheckedRequestBytes = 256 << 10;

std::size_t size_of_generated(const google::protobuf::Descriptor& type) {
  return google::protobuf::MessageFactory::generated_factory()
      ->GetPrototype(&type)
      ->SpaceUsedLong();
}

void append_field(char tag, std::string_view value, std::string* out) {
  *out += tag;
  append_varint(value.size(), out);
  out->append(value);
}

// Moves the text into a buffer without copying it.
grpc::ByteBuffer to_buffer(std::unique_ptr<std::string> text) {
  std::string* const owned = text.release();
  const grpc::Slice slice(
      owned->data(), owned->size(), [](void* user) { delete static_cast<std::string*>(user); },
      owned);
  return {&slice, 1};
}

}  // namespace

grpc::ByteBuffer encode_deliveries(SubscriptionId subscription,
                                   std::span<const Delivery> deliveries, std::string_view trailer) {
  std::size_t most = trailer.size();
  for (const Delivery& delivery : deliveries) {
    most += delivery.bytes + kMaxDeliveryOverheadBytes;
  }
  auto out = std::make_unique<std::string>();
  out->reserve(most);
  for (const Delivery& delivery : deliveries) {
    AckId::Text text;
    const AckId id{subscription, delivery.id, delivery.attempt, delivery.start};
    const std::string_view ack_id = id.format(text);
    const std::string_view message = delivery.wire();
    const std::size_t attempt_bytes =
        delivery.shown_attempt == 0 ? 0 : 1 + varint_bytes(delivery.shown_attempt);
    *out += kReceivedMessagesTag;
    append_varint(1 + varint_bytes(ack_id.size()) + ack_id.size() + 1 +
                      varint_bytes(message.size()) + message.size() + attempt_bytes,
                  out.get());
    append_field(kAckIdTag, ack_id, out.get());
    append_field(kMessageTag, message, out.get());
    if (attempt_bytes == 0) continue;
    *out += kDeliveryAttemptTag;
    append_varint(delivery.shown_attempt, out.get());
  }
  out->append(trailer);
  return to_buffer(std::move(out));
}

grpc::ByteBuffer encode_publish_response(MessageId first, std::size_t count) {
  auto out = std::make_unique<std::string>();
  out->reserve(count * (2 + kMaxDecimalBytes));
  for (std::size_t i = 0; i < count; ++i) {
    char text[kMaxDecimalBytes];
    const char* const end = std::to_chars(text, text + sizeof(text), first + i).ptr;
    append_field(kMessageIdsTag, {text, static_cast<std::size_t>(end - text)}, out.get());
  }
  return to_buffer(std::move(out));
}

bool may_parse(grpc::ByteBuffer* request, const google::protobuf::Descriptor& type) {
  if (request->Length() <= kUncheckedRequestBytes) return true;
  grpc::ProtoBufferReader reader(request);
  return !reader.status().ok() ||
         fits_when_parsed(&reader, type, size_of_generated, kMaxParsedRequestBytes);
}

bool decode(grpc::ByteBuffer* buffer, google::protobuf::Message* message) {
  if (!may_parse(buffer, *message->GetDescriptor())) return false;
  grpc::ProtoBufferReader reader(buffer);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

}  // namespace pollbus::broker
