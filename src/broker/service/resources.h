#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "broker/core/core.h"
#include "broker/service/resource_limits.h"

namespace pollbus::broker {

// Converts between the API's resources and what the core stores of them, and checks the limits of
// https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1. A feature that this broker
// does not have is refused with UNIMPLEMENTED if accepting it would promise deliveries that do not
// happen.

// Checks a topic to create, and returns it as the service shows it.
absl::StatusOr<google::pubsub::v1::Topic> checked_topic(google::pubsub::v1::Topic topic);
google::pubsub::v1::Topic topic_of(const Topic& stored);
// How long the topic retains messages; 0 means not at all.
std::chrono::seconds retention_of(const google::pubsub::v1::Topic& topic);
// Returns `current` with the fields in the mask replaced by those of the request.
absl::StatusOr<google::pubsub::v1::Topic> updated_topic(
    google::pubsub::v1::Topic current, const google::pubsub::v1::UpdateTopicRequest& request);

absl::StatusOr<google::pubsub::v1::Subscription> checked_subscription(
    google::pubsub::v1::Subscription subscription);
// `subscription` must have been checked. INVALID_ARGUMENT for a filter that does not parse.
absl::StatusOr<SubscriptionConfig> config_of(const google::pubsub::v1::Subscription& subscription);
google::pubsub::v1::Subscription subscription_of(const Core& core,
                                                 const SubscriptionConfig& stored);
absl::StatusOr<google::pubsub::v1::Subscription> updated_subscription(
    google::pubsub::v1::Subscription current,
    const google::pubsub::v1::UpdateSubscriptionRequest& request);

google::pubsub::v1::Snapshot snapshot_of(const LogConfig& stored);
absl::StatusOr<google::pubsub::v1::Snapshot> updated_snapshot(
    google::pubsub::v1::Snapshot current, const google::pubsub::v1::UpdateSnapshotRequest& request);

// Microseconds since 1970.
std::int64_t to_us(const google::protobuf::Timestamp& time);
std::int64_t to_us(WallTime time);

}  // namespace pollbus::broker
