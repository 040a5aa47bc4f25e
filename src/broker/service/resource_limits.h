#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/map.h>
#include <google/pubsub/v1/pubsub.pb.h>

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pollbus::broker {

// Checks of the values in topics and subscriptions, with the limits of
// https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1. Each returns
// INVALID_ARGUMENT with the limit.

constexpr std::chrono::seconds kDefaultAckDeadline{10};
constexpr std::chrono::hours kDefaultRetention{7 * 24};
constexpr std::chrono::hours kDefaultExpiration{31 * 24};
constexpr std::chrono::seconds kDefaultMinBackoff{10};
constexpr std::chrono::seconds kDefaultMaxBackoff{600};
constexpr int kDefaultMaxDeliveryAttempts = 5;

std::chrono::milliseconds to_duration(const google::protobuf::Duration& duration);

// The ack deadline of a subscription or stream: 10 to 600, or 0 for the default.
absl::Status check_ack_deadline(std::int64_t seconds);
// A modified deadline: 0 (a nack) to 600.
absl::Status check_extension(std::int64_t seconds);
// The retention of a topic or subscription.
absl::Status check_retention(const google::protobuf::Duration& retention);
absl::Status check_expiration(const google::pubsub::v1::ExpirationPolicy& policy);
absl::Status check_retry(const google::pubsub::v1::RetryPolicy& policy);
absl::Status check_dead_letter(const google::pubsub::v1::DeadLetterPolicy& policy);
absl::Status check_labels(const google::protobuf::Map<std::string, std::string>& labels);

}  // namespace pollbus::broker
