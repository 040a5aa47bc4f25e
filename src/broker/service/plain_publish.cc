#include "broker/service/plain_publish.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/varint.h"
#include "broker/service/publish_request.h"

namespace pollbus::broker {
namespace {

// Tags of fields with bytes: https://protobuf.dev/programming-guides/encoding and
// google/pubsub/v1/pubsub.proto.
constexpr char bytes_tag(int field) { return static_cast<char>(field << 3 | 2); }
constexpr char kTopic = bytes_tag(1);
constexpr char kMessages = bytes_tag(2);
constexpr char kData = bytes_tag(1);
constexpr char kAttributes = bytes_tag(2);
constexpr char kMessageId = bytes_tag(3);
constexpr char kPublishTime = bytes_tag(4);
constexpr char kKey = bytes_tag(1);
constexpr char kValue = bytes_tag(2);
constexpr char kSeconds = 1 << 3;
constexpr char kNanos = 2 << 3;

// The id and the publish time of a message.
constexpr std::size_t kMaxStampBytes = 2 + 20 + 2 + 2 * (1 + kMaxVarintBytes);

// Reads fields whose tag is a single byte and which have bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }

  bool field(char* tag, std::string_view* value) {
    if (rest_.empty()) return false;
    *tag = rest_.front();
    rest_.remove_prefix(1);
    std::size_t size = 0;
    if (!length(&size) || size > rest_.size()) return false;
    *value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

 private:
  bool length(std::size_t* size) {
    for (unsigned shift = 0; shift < 28; shift += 7) {
      if (rest_.empty()) return false;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      *size |= static_cast<std::size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  std::string_view rest_;
};

// Whether all characters are from ' ' to '~'. Looks at eight of them at once: the highest bit of a
// byte is set in one of the three terms if the byte is not ASCII, is DEL, or comes before ' '.
bool is_printable(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kHighest = 0x80 * kEach;
  for (; text.size() >= sizeof(std::uint64_t); text.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), sizeof eight);
    const std::uint64_t not_printable =
        eight | (eight + kEach) | ~((eight | kHighest) - ' ' * kEach);
    if ((not_printable & kHighest) != 0) return false;
  }
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// Keys that begin with "goog" in any case are left to check_publish_request().
bool is_plain_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxAttributeKeyBytes && key[0] != 'g' && key[0] != 'G' &&
         is_printable(key);
}

std::string publish_time_field(WallTime time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds);
  std::string timestamp(1, kSeconds);
  append_varint(static_cast<std::uint64_t>(seconds.count()), &timestamp);
  timestamp += kNanos;
  append_varint(static_cast<std::uint64_t>(nanos.count()), &timestamp);
  std::string field(1, kPublishTime);
  append_varint(timestamp.size(), &field);
  return field + timestamp;
}

}  // namespace

std::optional<PlainPublish> PlainPublish::read(std::string_view request) {
  std::optional<PlainPublish> publish(std::in_place);
  if (!publish->read_request(request)) publish.reset();
  return publish;
}

bool PlainPublish::read_request(std::string_view request) {
  if (request.size() > kMaxPublishBytes) return false;
  Reader reader(request);
  while (!reader.at_end()) {
    char tag = 0;
    std::string_view value;
    if (!reader.field(&tag, &value)) return false;
    if (tag == kTopic && topic_.empty() && is_printable(value)) {
      topic_ = value;
    } else if (tag != kMessages || !read_message(value)) {
      return false;
    }
  }
  return !messages_.empty() && messages_.size() <= kMaxPublishMessages;
}

bool PlainPublish::read_message(std::string_view message) {
  if (message.empty()) return false;
  const std::size_t first = attributes_.size();
  bool has_data = false;
  Reader reader(message);
  while (!reader.at_end()) {
    char tag = 0;
    std::string_view value;
    if (!reader.field(&tag, &value)) return false;
    if (tag == kData && !has_data) {
      has_data = !value.empty();
    } else if (tag != kAttributes || !read_attribute(value, first)) {
      return false;
    }
  }
  const std::size_t attributes = attributes_.size() - first;
  messages_.push_back({message, attributes});
  return attributes <= kMaxAttributes && (has_data || attributes > 0);
}

// `first`: of the message's attributes. A key that occurs twice has the last value, which is left
// to the library.
bool PlainPublish::read_attribute(std::string_view entry, std::size_t first) {
  char key_tag = 0;
  char value_tag = 0;
  Attribute attribute;
  Reader reader(entry);
  if (!reader.field(&key_tag, &attribute.key) || !reader.field(&value_tag, &attribute.value) ||
      !reader.at_end() || key_tag != kKey || value_tag != kValue) {
    return false;
  }
  const bool is_plain =
      is_plain_key(attribute.key) && attribute.value.size() <= kMaxAttributeValueBytes &&
      is_printable(attribute.value) &&
      find_attribute(Attributes(attributes_).subspan(first), attribute.key) == nullptr;
  attributes_.push_back(attribute);
  return is_plain;
}

IncomingBatch PlainPublish::batch(MessageId first, WallTime publish_time) const {
  IncomingBatch batch{.first_id = first, .published = publish_time};
  batch.ends.reserve(messages_.size());
  batch.attributes.reserve(messages_.size());
  std::size_t bytes = messages_.size() * kMaxStampBytes;
  for (const Message& message : messages_) bytes += message.bytes.size();
  auto body = std::make_shared<std::string>();
  body->reserve(bytes);
  const std::string time = publish_time_field(publish_time);
  std::size_t next_attribute = 0;
  MessageId id = first;
  for (const Message& message : messages_) {
    const fmt::format_int digits(id++);
    *body += message.bytes;
    *body += kMessageId;
    *body += static_cast<char>(digits.size());
    body->append(digits.data(), digits.size());
    *body += time;
    batch.ends.push_back(static_cast<std::uint32_t>(body->size()));
    batch.attributes.push_back(Attributes(attributes_).subspan(next_attribute, message.attributes));
    next_attribute += message.attributes;
  }
  batch.body = std::move(body);
  return batch;
}

}  // namespace pollbus::broker
