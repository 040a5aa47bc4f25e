#include "broker/service/publish_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/match.h"
#include "base/status.h"
#include "broker/core/ordering_key.h"

namespace pollbus::broker {
namespace {

using google::pubsub::v1::PublishRequest;
using google::pubsub::v1::PubsubMessage;

constexpr char kReservedKeyPrefix[] = "goog";
// Attributes with which the official clients pass on an OpenTelemetry trace.
constexpr std::array<std::string_view, 2> kTraceKeys = {"googclient_traceparent",
                                                        "googclient_tracestate"};
// The size of id and publish time in a message.
constexpr std::size_t kStampBytes = 40;

absl::Status too_large(std::string_view what, std::int64_t given, std::int64_t most) {
  return absl::InvalidArgumentError(
      fmt::format("The value for {} is too large. You passed {} in the request, but the maximum "
                  "value is {}.",
                  what, given, most));
}

bool is_valid_key(std::string_view key) {
  if (key.empty()) return false;
  return !absl::StartsWithIgnoreCase({key.data(), key.size()}, kReservedKeyPrefix) ||
         std::ranges::find(kTraceKeys, key) != kTraceKeys.end();
}

absl::Status check_attribute(std::string_view key, std::string_view value) {
  if (!is_valid_key(key)) {
    return absl::InvalidArgumentError(fmt::format(
        "One or more messages in the publish request has an attribute key that is not valid "
        "(key={}). Attribute keys must be non-empty and must not begin with 'goog' "
        "(case-insensitive).",
        key));
  }
  if (key.size() > kMaxAttributeKeyBytes) {
    return too_large("attribute_key_size", static_cast<std::int64_t>(key.size()),
                     kMaxAttributeKeyBytes);
  }
  if (value.size() > kMaxAttributeValueBytes) {
    return too_large("attribute_value_size", static_cast<std::int64_t>(value.size()),
                     kMaxAttributeValueBytes);
  }
  return absl::OkStatus();
}

absl::Status check_message(const PubsubMessage& message) {
  if (message.data().empty() && message.attributes().empty()) {
    return absl::InvalidArgumentError(
        "One or more messages in the publish request is empty. Each message must contain either "
        "non-empty data, or at least one attribute.");
  }
  if (message.attributes().size() > kMaxAttributes) {
    return too_large("attributes_count", static_cast<std::int64_t>(message.attributes().size()),
                     kMaxAttributes);
  }
  for (const auto& [key, value] : message.attributes()) {
    RETURN_IF_ERROR(check_attribute(key, value));
  }
  if (message.ordering_key().size() > kMaxOrderingKeyBytes) {
    return too_large("ordering_key_size", static_cast<std::int64_t>(message.ordering_key().size()),
                     kMaxOrderingKeyBytes);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status check_publish_request(const PublishRequest& request, std::int64_t bytes) {
  if (request.messages().empty()) {
    return absl::InvalidArgumentError(
        "The value for message_count is too small. You passed 0 in the request, but the minimum "
        "value is 1.");
  }
  if (request.messages_size() > kMaxPublishMessages) {
    return too_large("message_count", request.messages_size(), kMaxPublishMessages);
  }
  if (bytes > kMaxPublishBytes) return too_large("request_size", bytes, kMaxPublishBytes);
  for (const PubsubMessage& message : request.messages()) {
    RETURN_IF_ERROR(check_message(message));
    if (message.ordering_key() != request.messages(0).ordering_key()) {
      return absl::FailedPreconditionError(
          "In a single publish request, all messages must have no ordering key or they must all "
          "have the same ordering key.");
    }
  }
  return absl::OkStatus();
}

PublishBatch::PublishBatch(PublishRequest* request, MessageId first, WallTime publish_time) {
  const auto since_epoch = publish_time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds);
  std::size_t attribute_count = 0;
  for (const PubsubMessage& message : request->messages()) {
    attribute_count += message.attributes().size();
  }
  attributes_.reserve(attribute_count);  // must not grow later: spans point into it
  const auto count = static_cast<std::size_t>(request->messages_size());
  incoming_.first_id = first;
  incoming_.published = publish_time;
  incoming_.ends.reserve(count);
  incoming_.attributes.reserve(count);
  auto body = std::make_shared<std::string>();
  body->reserve(request->ByteSizeLong() + count * kStampBytes);
  MessageId id = first;
  for (PubsubMessage& message : *request->mutable_messages()) {
    message.set_message_id(fmt::format_int(id++).str());
    message.mutable_publish_time()->set_seconds(seconds.count());
    message.mutable_publish_time()->set_nanos(static_cast<std::int32_t>(nanos.count()));
    const std::size_t first_attribute = attributes_.size();
    for (const auto& [key, value] : message.attributes()) attributes_.push_back({key, value});
    incoming_.attributes.push_back(Attributes(attributes_).subspan(first_attribute));
    message.AppendToString(body.get());
    incoming_.ends.push_back(static_cast<std::uint32_t>(body->size()));
    if (message.ordering_key().empty()) continue;
    incoming_.keys.resize(count, 0);
    incoming_.keys[incoming_.ends.size() - 1] = ordering_key(message.ordering_key());
  }
  incoming_.body = std::move(body);
}

}  // namespace pollbus::broker
