#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include "absl/status/statusor.h"
#include "broker/core/core.h"

namespace pollbus::broker {

// Builds the publish of a dead letter to its topic: the message, with four more attributes that say
// where it comes from (https://cloud.google.com/pubsub/docs/dead-letter-topics). `letter` must have
// its body. DATA_LOSS when the body is not a message.
absl::StatusOr<google::pubsub::v1::PublishRequest> dead_letter_request(const DeadLetter& letter);

}  // namespace pollbus::broker
