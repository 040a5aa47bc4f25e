#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <map>

#include "absl/status/statusor.h"
#include "broker/core/subscription_queue.h"
#include "broker/service/ack_ids.h"

namespace pollbus::broker {

// INVALID_ARGUMENT when the first request of a stream lacks a field or has a wrong value.
absl::Status check_first_request(const google::pubsub::v1::StreamingPullRequest& request);
// INVALID_ARGUMENT when a later request has a wrong value or sets a field of the first one.
absl::Status check_later_request(const google::pubsub::v1::StreamingPullRequest& request);

// How much the client may hold at a time; 0 and negative numbers mean no limit.
FlowLimits flow_limits(const google::pubsub::v1::StreamingPullRequest& request);

// The ack ids whose deadlines a request modifies, grouped by the number of seconds.
std::map<std::int32_t, AckIdTexts> modified_deadlines(
    const google::pubsub::v1::StreamingPullRequest& request);

// Whether the request is empty: the client only wants to know that the stream is alive.
bool is_ping(const google::pubsub::v1::StreamingPullRequest& request);

}  // namespace pollbus::broker
