#include "broker/store/records.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <chrono>
#include <limits>

#include "base/byte_order.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::size_t kMaxNumberBytes = 10;

absl::Status damaged(std::string_view what) {
  return absl::DataLossError(fmt::format("{} cannot be read", what));
}

// The varint of a number, without allocation.
class EncodedNumber {
 public:
  explicit EncodedNumber(std::uint64_t number)
      : size_(static_cast<std::size_t>(CodedOutputStream::WriteVarint64ToArray(number, bytes_) -
                                       bytes_)) {}
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_), size_}; }

 private:
  std::uint8_t bytes_[kMaxNumberBytes];
  std::size_t size_;
};

void append_number(std::uint64_t number, std::string* out) {
  out->append(EncodedNumber(number).bytes());
}

void append_text(std::string_view text, std::string* out) {
  append_number(text.size(), out);
  out->append(text);
}

// Reads values from the front of a record. After the first value that is missing or wrong, it has
// failed and returns only zeros and empty texts.
class Reader {
 public:
  explicit Reader(std::string_view bytes)
      : bytes_(bytes),
        input_(reinterpret_cast<const std::uint8_t*>(bytes.data()),
               static_cast<int>(bytes.size())) {}

  std::uint64_t number(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
    const std::size_t begin = position();
    std::uint64_t number = 0;
    if (has_failed_ || !input_.ReadVarint64(&number) || number > most) return fail();
    // A varint can be padded; only the form that append_number() writes is accepted.
    const std::string_view read = bytes_.substr(begin, position() - begin);
    return EncodedNumber(number).bytes() == read ? number : fail();
  }
  std::string_view text() { return bytes(number(left())); }
  std::string_view bytes(std::size_t size) {
    const std::size_t begin = position();
    if (has_failed_ || size > left()) {
      fail();
      return {};
    }
    input_.Skip(static_cast<int>(size));
    return bytes_.substr(begin, size);
  }
  std::size_t left() const { return bytes_.size() - position(); }
  bool has_failed() const { return has_failed_; }
  // Whether everything was read, without a failure.
  bool is_done() const { return !has_failed_ && left() == 0; }

 private:
  std::size_t position() const { return static_cast<std::size_t>(input_.CurrentPosition()); }
  std::uint64_t fail() {
    has_failed_ = true;
    return 0;
  }

  const std::string_view bytes_;
  CodedInputStream input_;
  bool has_failed_ = false;
};

constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
// A bound on times and durations: far above what the API allows, and safe to calculate with.
constexpr std::uint64_t kMaxSeconds = std::uint64_t{1} << 40;

}  // namespace

std::string topic_key(std::string_view name) { return std::string(kTopicPrefix).append(name); }

std::string schema_key(std::string_view name) { return std::string(kSchemaPrefix).append(name); }

std::string subscription_key(SubscriptionId id) {
  std::string key(kSubscriptionPrefix);
  append_big_endian(key, id);
  return key;
}

std::string log_key(SubscriptionId id) {
  std::string key(kLogPrefix);
  append_big_endian(key, id);
  return key;
}

std::string batch_key(MessageId first_id) {
  std::string key;
  append_big_endian(key, first_id);
  return key;
}

std::string states_key(MessageId first_id, std::uint32_t block) {
  std::string key = batch_key(first_id);
  append_big_endian(key, block);
  return key;
}

std::string added_key(MessageId first_id, std::uint32_t first_delivery) {
  return states_key(first_id, first_delivery);
}

absl::StatusOr<SubscriptionId> decode_log_key(std::string_view key) {
  if (key.size() != kLogPrefix.size() + sizeof(SubscriptionId)) return damaged("the key of a log");
  return from_big_endian<SubscriptionId>(key.substr(kLogPrefix.size()));
}

absl::StatusOr<AddedKey> decode_added_key(std::string_view key) {
  if (key.size() != sizeof(MessageId) + sizeof(std::uint32_t)) {
    return damaged("the key of added deliveries");
  }
  return AddedKey{from_big_endian<MessageId>(key.substr(0, sizeof(MessageId))),
                  from_big_endian<std::uint32_t>(key.substr(sizeof(MessageId)))};
}

absl::StatusOr<SubscriptionId> decode_subscription_key(std::string_view key) {
  if (key.size() != kSubscriptionPrefix.size() + sizeof(SubscriptionId)) {
    return damaged("the key of a subscription");
  }
  return from_big_endian<SubscriptionId>(key.substr(kSubscriptionPrefix.size()));
}

absl::StatusOr<MessageId> decode_batch_key(std::string_view key) {
  if (key.size() != sizeof(MessageId)) return damaged("the key of a batch");
  return from_big_endian<MessageId>(key);
}

absl::StatusOr<StatesKey> decode_states_key(std::string_view key) {
  if (key.size() != sizeof(MessageId) + sizeof(std::uint32_t)) {
    return damaged("the key of delivery states");
  }
  return StatesKey{from_big_endian<MessageId>(key.substr(0, sizeof(MessageId))),
                   from_big_endian<std::uint32_t>(key.substr(sizeof(MessageId)))};
}

std::string encode_number(std::uint64_t number) {
  std::string value;
  append_number(number, &value);
  return value;
}

absl::StatusOr<std::uint64_t> decode_number(std::string_view value) {
  Reader reader(value);
  const std::uint64_t number = reader.number();
  if (!reader.is_done()) return damaged("a number");
  return number;
}

namespace {

// The flags of a subscription.
constexpr std::uint64_t kOrdered = 1;
constexpr std::uint64_t kExactlyOnce = 2;
constexpr std::uint64_t kRetainsAcked = 4;
constexpr std::uint64_t kDetached = 8;
constexpr std::uint64_t kAllFlags = kOrdered | kExactlyOnce | kRetainsAcked | kDetached;

std::uint64_t flags_of(const SubscriptionConfig& config) {
  return (config.rules.is_ordered ? kOrdered : 0) |
         (config.rules.is_exactly_once ? kExactlyOnce : 0) |
         (config.retains_acked ? kRetainsAcked : 0) | (config.is_detached ? kDetached : 0);
}

void append_features(const SubscriptionConfig& config, std::string* value) {
  const DeliveryRules& rules = config.rules;
  append_number(flags_of(config), value);
  append_number(static_cast<std::uint64_t>(rules.min_backoff.count()), value);
  append_number(static_cast<std::uint64_t>(rules.max_backoff.count()), value);
  append_number(rules.max_attempts, value);
  append_text(config.dead_letter_topic, value);
  append_number(static_cast<std::uint64_t>(config.retention.count()), value);
  append_number(static_cast<std::uint64_t>(config.expiration.count()), value);
  append_number(static_cast<std::uint64_t>(config.used_s), value);
}

void read_features(Reader* reader, SubscriptionConfig* config) {
  DeliveryRules& rules = config->rules;
  const std::uint64_t flags = reader->number(kAllFlags);
  rules.is_ordered = (flags & kOrdered) != 0;
  rules.is_exactly_once = (flags & kExactlyOnce) != 0;
  config->retains_acked = (flags & kRetainsAcked) != 0;
  config->is_detached = (flags & kDetached) != 0;
  rules.min_backoff = std::chrono::milliseconds(reader->number(kMax32));
  rules.max_backoff = std::chrono::milliseconds(reader->number(kMax32));
  rules.max_attempts = static_cast<std::uint32_t>(reader->number(kMax32));
  config->dead_letter_topic = reader->text();
  config->retention = std::chrono::seconds(reader->number(kMax32));
  config->expiration = std::chrono::seconds(reader->number(kMaxSeconds));
  config->used_s = static_cast<std::int64_t>(reader->number(kMaxSeconds));
}

}  // namespace

std::string encode_subscription(const SubscriptionConfig& config) {
  std::string value;
  append_text(config.name, &value);
  append_text(config.topic, &value);
  append_text(config.filter.text(), &value);
  append_number(static_cast<std::uint64_t>(config.ack_deadline.count()), &value);
  append_text(config.resource, &value);
  append_features(config, &value);
  return value;
}

absl::StatusOr<SubscriptionConfig> decode_subscription(std::string_view value) {
  Reader reader(value);
  SubscriptionConfig config;
  config.name = reader.text();
  config.topic = reader.text();
  const std::string_view filter = reader.text();
  config.ack_deadline = std::chrono::seconds(reader.number(kMax32));
  config.resource = reader.text();
  // Format 1 ends here.
  if (reader.left() > 0) read_features(&reader, &config);
  if (!reader.is_done()) return damaged("a subscription");
  auto parsed = Filter::parse(filter);
  if (!parsed.ok()) return damaged(fmt::format("the filter of {}", config.name));
  config.filter = *std::move(parsed);
  return config;
}

std::string encode_log(const LogConfig& config) {
  std::string value;
  append_number(static_cast<std::uint64_t>(config.kind), &value);
  append_text(config.name, &value);
  append_text(config.topic, &value);
  append_text(config.filter.text(), &value);
  append_number(static_cast<std::uint64_t>(config.retention.count()), &value);
  append_number(static_cast<std::uint64_t>(config.expires_us), &value);
  append_text(config.resource, &value);
  return value;
}

absl::StatusOr<LogConfig> decode_log(std::string_view value) {
  Reader reader(value);
  LogConfig config;
  config.kind = static_cast<LogConfig::Kind>(
      reader.number(static_cast<std::uint64_t>(LogConfig::Kind::kSnapshot)));
  config.name = reader.text();
  config.topic = reader.text();
  const std::string_view filter = reader.text();
  config.retention = std::chrono::seconds(reader.number(kMax32));
  config.expires_us = static_cast<std::int64_t>(reader.number());
  config.resource = reader.text();
  if (!reader.is_done()) return damaged("a log of retained messages");
  auto parsed = Filter::parse(filter);
  if (!parsed.ok()) return damaged(fmt::format("the filter of {}", config.name));
  config.filter = *std::move(parsed);
  return config;
}

std::string encode_added(std::span<const AddedDelivery> added) {
  std::string value;
  append_number(added.size(), &value);
  for (const AddedDelivery& delivery : added) {
    append_number(delivery.position, &value);
    append_number(delivery.subscription, &value);
  }
  return value;
}

absl::Status decode_added(std::string_view value, std::size_t messages,
                          std::vector<AddedDelivery>* added) {
  Reader reader(value);
  const std::uint64_t count = reader.number(reader.left());
  for (std::uint64_t i = 0; i < count && !reader.has_failed(); ++i) {
    const auto position = static_cast<std::uint32_t>(reader.number(kMax32));
    if (position >= messages) return damaged("added deliveries");
    added->push_back({position, static_cast<SubscriptionId>(reader.number(kMax32))});
  }
  return reader.is_done() ? absl::OkStatus() : damaged("added deliveries");
}

std::string encode_batch(const RoutedBatch& routed) {
  const Batch& batch = *routed.batch;
  std::string value;
  append_number(static_cast<std::uint64_t>(batch.published_us()), &value);
  append_number(routed.counts.size(), &value);
  for (std::uint32_t position = 0; position < routed.counts.size(); ++position) {
    append_number(batch.bytes(position), &value);
    append_number(routed.counts[position], &value);
  }
  for (const SubscriptionId subscription : routed.subscriptions) {
    append_number(subscription, &value);
  }
  if (!batch.has_keys()) return value;
  for (std::uint32_t position = 0; position < routed.counts.size(); ++position) {
    append_big_endian(value, batch.key(position));
  }
  return value;
}

absl::StatusOr<RoutedBatch> decode_batch(MessageId first_id, std::string_view value) {
  Reader reader(value);
  RoutedBatch routed;
  const auto published_us = static_cast<std::int64_t>(reader.number());
  // Each message and each delivery takes at least one byte, so a larger count is wrong. Checking it
  // first keeps a damaged count from allocating memory.
  const std::size_t messages = reader.number(reader.left());
  std::vector<std::uint32_t> ends;
  std::uint64_t bytes = 0;
  std::uint64_t deliveries = 0;
  for (std::size_t i = 0; i < messages && !reader.has_failed(); ++i) {
    bytes += reader.number(kMax32);
    const std::uint64_t count = reader.number(value.size());
    deliveries += count;
    ends.push_back(static_cast<std::uint32_t>(bytes));
    routed.counts.push_back(static_cast<std::uint32_t>(count));
  }
  if (bytes > kMax32 || deliveries == 0 || deliveries > reader.left()) return damaged("a batch");
  routed.subscriptions.reserve(deliveries);
  for (std::uint64_t i = 0; i < deliveries; ++i) {
    routed.subscriptions.push_back(static_cast<SubscriptionId>(reader.number(kMax32)));
  }
  std::vector<OrderingKey> keys;
  if (reader.left() > 0) {
    for (std::size_t i = 0; i < messages; ++i) {
      keys.push_back(from_big_endian<OrderingKey>(reader.bytes(sizeof(OrderingKey))));
    }
  }
  if (!reader.is_done()) return damaged("a batch");
  routed.batch = std::make_unique<Batch>(first_id, published_us, ends,
                                         static_cast<std::uint32_t>(deliveries), nullptr, keys);
  return routed;
}

}  // namespace pollbus::broker
