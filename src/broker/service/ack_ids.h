#pragma once

#include <google/protobuf/repeated_field.h>

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/core/ack_id.h"
#include "broker/core/subscription_queue.h"

namespace pollbus::broker {

using AckIdTexts = google::protobuf::RepeatedPtrField<std::string>;

// Returns one id for each text. A text that is not an ack id of this broker becomes an id of no
// subscription, which is ignored like a stale one.
inline std::vector<AckId> parse_ack_ids(const AckIdTexts& texts) {
  std::vector<AckId> ids;
  ids.reserve(static_cast<std::size_t>(texts.size()));
  for (const std::string& text : texts) ids.push_back(AckId::parse(text).value_or(AckId{}));
  return ids;
}

// The status that a unary call answers with exactly-once delivery: OK if all ids were accepted,
// otherwise INVALID_ARGUMENT with an ErrorInfo that gives the reason for each of the others
// (https://cloud.google.com/pubsub/docs/exactly-once-delivery). `texts` and `outcomes` are in the
// same order.
absl::Status exactly_once_status(const AckIdTexts& texts, std::span<const AckOutcome> outcomes);

}  // namespace pollbus::broker
