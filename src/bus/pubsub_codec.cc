#include "bus/pubsub_codec.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/varint.h"

namespace pollbus {
namespace {

// Wire types, and the numbers of fields in google/pubsub/v1/pubsub.proto.
constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kBytes = 2;
constexpr std::uint32_t kFixed32 = 5;
constexpr std::uint32_t bytes_tag(std::uint32_t field) { return field << 3 | kBytes; }

constexpr std::uint32_t kTopic = bytes_tag(1);     // of PublishRequest
constexpr std::uint32_t kMessages = bytes_tag(2);  // of PublishRequest
constexpr std::uint32_t kData = bytes_tag(1);      // of PubsubMessage
constexpr std::uint32_t kAttributes = bytes_tag(2);
constexpr std::uint32_t kMessageId = bytes_tag(3);
constexpr std::uint32_t kKey = bytes_tag(1);  // of an entry of attributes
constexpr std::uint32_t kValue = bytes_tag(2);
constexpr std::uint32_t kMessageIds = bytes_tag(1);        // of PublishResponse
constexpr std::uint32_t kReceivedMessages = bytes_tag(1);  // of StreamingPullResponse
constexpr std::uint32_t kAckId = bytes_tag(1);             // of ReceivedMessage
constexpr std::uint32_t kMessage = bytes_tag(2);
constexpr std::uint32_t kSubscription = bytes_tag(1);  // of both requests about acks
constexpr std::uint32_t kAckIdsToAck = bytes_tag(2);   // of AcknowledgeRequest
constexpr std::uint32_t kDeadline = 3 << 3 | kVarint;  // of ModifyAckDeadlineRequest
constexpr std::uint32_t kAckIdsToModify = bytes_tag(4);

// The size of a field with a tag of one byte.
std::size_t field_bytes(std::size_t size) { return 1 + varint_bytes(size) + size; }

// Writes fields one after the other into bytes that have been counted before.
class Writer {
 public:
  // Makes `bytes` longer by `size` and writes there.
  Writer(std::size_t size, std::string* bytes) {
    const std::size_t begin = bytes->size();
    bytes->resize(begin + size);
    at_ = bytes->data() + begin;
  }

  // A tag and the number behind it: a value, or the size of the bytes that follow.
  void head(std::uint32_t tag, std::uint64_t number) {
    *at_++ = static_cast<char>(tag);
    at_ = write_varint(number, at_);
  }
  void field(std::uint32_t tag, std::string_view value) {
    head(tag, value.size());
    at_ += value.copy(at_, value.size());
  }

 private:
  char* at_;
};

// Moves the bytes into a buffer without copying them.
grpc::ByteBuffer to_buffer(std::string bytes) {
  auto* const owned = new std::string(std::move(bytes));
  const grpc::Slice slice(
      owned->data(), owned->size(), [](void* user) { delete static_cast<std::string*>(user); },
      owned);
  return {&slice, 1};
}

// Reads fields from bytes that outlive it. Every method returns false at malformed bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes)
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}

  bool at_end() const { return at_ == end_; }

  bool varint(std::uint64_t* value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return false;
      const std::uint8_t byte = *at_++;
      *value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool tag(std::uint32_t* tag) {
    std::uint64_t value = 0;
    if (!varint(&value) || value > UINT32_MAX || value >> 3 == 0) return false;
    *tag = static_cast<std::uint32_t>(value);
    return true;
  }

  bool bytes(std::string_view* value) {
    std::uint64_t size = 0;
    if (!varint(&size) || size > static_cast<std::uint64_t>(end_ - at_)) return false;
    *value = {reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  bool skip(std::uint32_t tag) {
    std::uint64_t number = 0;
    std::string_view text;
    switch (tag & 7) {
      case kVarint:
        return varint(&number);
      case kFixed64:
        return skip_bytes(8);
      case kBytes:
        return bytes(&text);
      case kFixed32:
        return skip_bytes(4);
      default:  // groups, which proto3 does not have
        return false;
    }
  }

 private:
  bool skip_bytes(std::ptrdiff_t count) {
    if (end_ - at_ < count) return false;
    at_ += count;
    return true;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

// Calls take(tag, value) for each field that has bytes, and skips all others.
template <typename Take>
bool read_fields_of(std::string_view message, const Take& take) {
  Reader reader(message);
  while (!reader.at_end()) {
    std::uint32_t tag = 0;
    std::string_view value;
    if (!reader.tag(&tag)) return false;
    if ((tag & 7) != kBytes) {
      if (!reader.skip(tag)) return false;
    } else if (!reader.bytes(&value) || !take(tag, value)) {
      return false;
    }
  }
  return true;
}

bool read_attribute(std::string_view entry, ReceivedMessage* message) {
  std::string_view key;
  std::string_view value;
  const bool is_read = read_fields_of(entry, [&](std::uint32_t tag, std::string_view bytes) {
    if (tag == kKey) key = bytes;
    if (tag == kValue) value = bytes;
    return true;
  });
  if (!is_read) return false;
  auto& attributes = message->attributes;
  const auto same = std::ranges::find(attributes, key, [](const auto& each) { return each.first; });
  if (same != attributes.end()) {
    same->second = value;
  } else {
    attributes.emplace_back(key, value);
  }
  return true;
}

bool read_message(std::string_view bytes, ReceivedMessage* message) {
  return read_fields_of(bytes, [&](std::uint32_t tag, std::string_view value) {
    if (tag == kData) message->data = value;
    if (tag == kMessageId) message->id = value;
    return tag != kAttributes || read_attribute(value, message);
  });
}

bool read_delivery(std::string_view bytes, Inbox::Delivery* delivery) {
  return read_fields_of(bytes, [&](std::uint32_t tag, std::string_view value) {
    if (tag == kAckId) delivery->ack_id = value;
    return tag != kMessage || read_message(value, &delivery->message);
  });
}

// The bytes of a buffer in one piece, or nothing if they cannot be read.
std::shared_ptr<const grpc::Slice> whole(const grpc::ByteBuffer& buffer) {
  auto slice = std::make_shared<grpc::Slice>();
  const bool is_read = !buffer.Valid() || buffer.TrySingleSlice(slice.get()).ok() ||
                       buffer.DumpToSingleSlice(slice.get()).ok();
  return is_read ? slice : nullptr;
}

std::string_view bytes_of(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// The number of fields with this tag, or nothing if the bytes are malformed.
std::optional<std::size_t> count_fields(std::string_view message, std::uint32_t counted) {
  std::size_t count = 0;
  const bool is_read = read_fields_of(message, [&](std::uint32_t tag, std::string_view) {
    if (tag == counted) ++count;
    return true;
  });
  if (!is_read) return std::nullopt;
  return count;
}

}  // namespace

PublishRequestWriter::PublishRequestWriter(const std::string& topic, std::size_t bytes) {
  bytes_.reserve(field_bytes(topic.size()) + bytes);
  Writer(field_bytes(topic.size()), &bytes_).field(kTopic, topic);
}

void PublishRequestWriter::add(const Message& message) {
  const auto entry_bytes = [](const auto& attribute) {
    return field_bytes(attribute.first.size()) + field_bytes(attribute.second.size());
  };
  std::size_t size = field_bytes(message.data.size());
  for (const auto& attribute : message.attributes) size += field_bytes(entry_bytes(attribute));
  Writer writer(field_bytes(size), &bytes_);
  writer.head(kMessages, size);
  writer.field(kData, message.data);
  for (const auto& attribute : message.attributes) {
    writer.head(kAttributes, entry_bytes(attribute));
    writer.field(kKey, attribute.first);
    writer.field(kValue, attribute.second);
  }
}

grpc::ByteBuffer PublishRequestWriter::take() { return to_buffer(std::move(bytes_)); }

std::optional<std::size_t> count_published(const grpc::ByteBuffer& response) {
  const auto slice = whole(response);
  if (slice == nullptr) return std::nullopt;
  return count_fields(bytes_of(*slice), kMessageIds);
}

std::optional<std::vector<Inbox::Delivery>> read_pull_response(const grpc::ByteBuffer& response) {
  const auto slice = whole(response);
  if (slice == nullptr) return std::nullopt;
  const std::string_view bytes = bytes_of(*slice);
  std::vector<Inbox::Delivery> deliveries;
  deliveries.reserve(count_fields(bytes, kReceivedMessages).value_or(0));
  const bool is_read = read_fields_of(bytes, [&](std::uint32_t tag, std::string_view value) {
    if (tag != kReceivedMessages) return true;
    Inbox::Delivery& delivery = deliveries.emplace_back();
    if (!read_delivery(value, &delivery)) return false;
    delivery.bytes = static_cast<std::int64_t>(delivery.message.data.size());
    delivery.message.storage = slice;
    return true;
  });
  if (!is_read) return std::nullopt;
  return deliveries;
}

grpc::ByteBuffer write_ack_request(const std::string& subscription,
                                   std::span<const std::string_view> ack_ids,
                                   std::optional<int> deadline_seconds) {
  const std::uint32_t tag = deadline_seconds ? kAckIdsToModify : kAckIdsToAck;
  const auto deadline = static_cast<std::uint64_t>(deadline_seconds.value_or(0));
  std::size_t size = field_bytes(subscription.size());
  if (deadline_seconds) size += 1 + varint_bytes(deadline);
  for (const std::string_view ack_id : ack_ids) size += field_bytes(ack_id.size());
  std::string bytes;
  Writer writer(size, &bytes);
  writer.field(kSubscription, subscription);
  if (deadline_seconds) writer.head(kDeadline, deadline);
  for (const std::string_view ack_id : ack_ids) writer.field(tag, ack_id);
  return to_buffer(std::move(bytes));
}

}  // namespace pollbus
