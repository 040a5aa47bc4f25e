#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "broker/core/core.h"
#include "broker/service/resource_limits.h"

namespace pollbus::broker {

// Between the API's resources and what the core keeps of them, with the limits of
// https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1. What this broker does not do
// is refused with UNIMPLEMENTED where accepting it would promise a delivery that does not happen.

// Checks a topic that is to be created, and gives it as the service shows it.
absl::StatusOr<google::pubsub::v1::Topic> checked_topic(google::pubsub::v1::Topic topic);
google::pubsub::v1::Topic topic_of(const Topic& stored);
// How long it keeps messages; 0: not at all.
std::chrono::seconds retention_of(const google::pubsub::v1::Topic& topic);
// `current` with the fields of the mask taken from the request.
absl::StatusOr<google::pubsub::v1::Topic> updated_topic(
    google::pubsub::v1::Topic current, const google::pubsub::v1::UpdateTopicRequest& request);

absl::StatusOr<google::pubsub::v1::Subscription> checked_subscription(
    google::pubsub::v1::Subscription subscription);
// Of a checked one. INVALID_ARGUMENT for a filter that does not parse.
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
