#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include "absl/status/statusor.h"
#include "broker/core/core.h"

namespace pollbus::broker {

// A dead letter, whose body must be there, as its topic gets it: the message with four attributes
// that say where it comes from (https://cloud.google.com/pubsub/docs/dead-letter-topics). DATA_LOSS
// when the body is no message.
absl::StatusOr<google::pubsub::v1::PublishRequest> dead_letter_request(const DeadLetter& letter);

}  // namespace pollbus::broker
