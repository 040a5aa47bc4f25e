#include "broker/service/resource_limits.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/status.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMinAckDeadline_s = 10;
constexpr std::int64_t kMaxAckDeadline_s = 600;
constexpr seconds kMinRetention = std::chrono::minutes(10);
constexpr seconds kMaxRetention = std::chrono::hours(31 * 24);
constexpr seconds kMinExpiration = std::chrono::hours(24);
constexpr seconds kMaxExpiration = std::chrono::hours(365 * 24);
constexpr seconds kMaxBackoff{600};
constexpr int kMinDeliveryAttempts = 5;
constexpr int kMaxDeliveryAttempts = 100;
constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxLabelCharacters = 63;
// Durations are clamped to this first, so that arithmetic cannot overflow.
constexpr std::int64_t kMaxDuration_s = std::int64_t{1} << 33;

template <typename Value>
absl::Status check_range(std::string_view what, Value given, Value least, Value most) {
  if (given < least) {
    return absl::InvalidArgumentError(
        fmt::format("The value for {} is too small. You passed {} in the request, but the minimum "
                    "value is {}.",
                    what, given, least));
  }
  if (given > most) {
    return absl::InvalidArgumentError(
        fmt::format("The value for {} is too large. You passed {} in the request, but the maximum "
                    "value is {}.",
                    what, given, most));
  }
  return absl::OkStatus();
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

// Lower case letters, digits, '_', '-', and all characters outside ASCII.
bool is_label_text(std::string_view text) {
  return characters_in(text) <= kMaxLabelCharacters &&
         std::ranges::all_of(text, [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                  c >= 0x80;
         });
}

bool starts_with_letter(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.empty() ? '0' : text.front());
  return (first >= 'a' && first <= 'z') || first >= 0x80;
}

}  // namespace

milliseconds to_duration(const google::protobuf::Duration& duration) {
  const std::int64_t s = std::clamp(duration.seconds(), -kMaxDuration_s, kMaxDuration_s);
  return seconds(s) +
         std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(duration.nanos()));
}

absl::Status check_ack_deadline(std::int64_t given) {
  if (given == 0 || (given >= kMinAckDeadline_s && given <= kMaxAckDeadline_s)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("Invalid ack deadline given: {}. It must be from {} to {} seconds.", given,
                  kMinAckDeadline_s, kMaxAckDeadline_s));
}

absl::Status check_extension(std::int64_t given) {
  if (given >= 0 && given <= kMaxAckDeadline_s) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("Invalid ack deadline given: {}. It must be from 0 to {} seconds.", given,
                  kMaxAckDeadline_s));
}

absl::Status check_retention(const google::protobuf::Duration& retention) {
  return check_range<milliseconds>("message_retention_duration", to_duration(retention),
                                   kMinRetention, kMaxRetention);
}

absl::Status check_expiration(const api::ExpirationPolicy& policy) {
  if (!policy.has_ttl()) return absl::OkStatus();  // never
  return check_range<milliseconds>("expiration_policy.ttl", to_duration(policy.ttl()),
                                   kMinExpiration, kMaxExpiration);
}

absl::Status check_retry(const api::RetryPolicy& policy) {
  const milliseconds least = to_duration(policy.minimum_backoff());
  const milliseconds most = to_duration(policy.maximum_backoff());
  RETURN_IF_ERROR(
      check_range<milliseconds>("retry_policy.minimum_backoff", least, seconds(0), kMaxBackoff));
  RETURN_IF_ERROR(
      check_range<milliseconds>("retry_policy.maximum_backoff", most, seconds(0), kMaxBackoff));
  if (least <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "The retry_policy's minimum_backoff must not be greater than its maximum_backoff.");
}

absl::Status check_dead_letter(const api::DeadLetterPolicy& policy) {
  RETURN_IF_ERROR(check_topic_name(policy.dead_letter_topic()));
  return check_range("max_delivery_attempts", policy.max_delivery_attempts(), kMinDeliveryAttempts,
                     kMaxDeliveryAttempts);
}

absl::Status check_labels(const google::protobuf::Map<std::string, std::string>& labels) {
  RETURN_IF_ERROR(check_range<std::size_t>("labels_count", labels.size(), 0, kMaxLabels));
  for (const auto& [key, value] : labels) {
    if (starts_with_letter(key) && is_label_text(key) && is_label_text(value)) continue;
    return absl::InvalidArgumentError(fmt::format(
        "Invalid label ({}={}). Keys and values have at most {} lower case letters, digits, '_' "
        "and '-', and a key starts with a letter. Refer to "
        "https://cloud.google.com/pubsub/docs/labels.",
        key, value, kMaxLabelCharacters));
  }
  return absl::OkStatus();
}

}  // namespace pollbus::broker
