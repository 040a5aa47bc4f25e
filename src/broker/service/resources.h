#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "broker/core/core.h"

namespace pollbus::broker {

// Between the API's resources and what the core keeps of them. What this broker does not do yet is
// refused with UNIMPLEMENTED where accepting it would promise a delivery that does not happen.

// Checks a topic that is to be created, and gives it as the service shows it.
absl::StatusOr<google::pubsub::v1::Topic> checked_topic(google::pubsub::v1::Topic topic);
google::pubsub::v1::Topic topic_of(const Topic& stored);
// `current` with the fields of the mask taken from the request.
absl::StatusOr<google::pubsub::v1::Topic> updated_topic(
    google::pubsub::v1::Topic current, const google::pubsub::v1::UpdateTopicRequest& request);

absl::StatusOr<google::pubsub::v1::Subscription> checked_subscription(
    google::pubsub::v1::Subscription subscription);
// INVALID_ARGUMENT for a filter that does not parse.
absl::StatusOr<SubscriptionConfig> config_of(const google::pubsub::v1::Subscription& subscription);
google::pubsub::v1::Subscription subscription_of(const SubscriptionConfig& stored);
absl::StatusOr<google::pubsub::v1::Subscription> updated_subscription(
    google::pubsub::v1::Subscription current,
    const google::pubsub::v1::UpdateSubscriptionRequest& request);

// The ack deadline of a subscription or stream: 10 to 600, or 0 for the default.
absl::Status check_ack_deadline(std::int64_t seconds);
// A modified deadline: 0 (a nack) to 600.
absl::Status check_extension(std::int64_t seconds);

}  // namespace pollbus::broker
