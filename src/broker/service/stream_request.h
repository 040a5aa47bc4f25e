#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <map>

#include "absl/status/statusor.h"
#include "broker/core/subscription_queue.h"
#include "broker/service/ack_ids.h"

namespace pollbus::broker {

// INVALID_ARGUMENT for what the first request of a stream must not lack, or must not ask.
absl::Status check_first_request(const google::pubsub::v1::StreamingPullRequest& request);
// And for what a later one must not set again.
absl::Status check_later_request(const google::pubsub::v1::StreamingPullRequest& request);

// What the client may hold; its 0 and negative numbers mean no limit.
FlowLimits flow_limits(const google::pubsub::v1::StreamingPullRequest& request);

// The ack ids of a request whose deadlines are modified, by number of seconds.
std::map<std::int32_t, AckIdTexts> modified_deadlines(
    const google::pubsub::v1::StreamingPullRequest& request);

// Nothing is in it: the client only wants to hear that the stream lives.
bool is_ping(const google::pubsub::v1::StreamingPullRequest& request);

}  // namespace pollbus::broker
