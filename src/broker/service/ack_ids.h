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

// One for each text. What no broker of ours has given out becomes an id of no subscription, which
// is passed over as stale ones are.
inline std::vector<AckId> parse_ack_ids(const AckIdTexts& texts) {
  std::vector<AckId> ids;
  ids.reserve(static_cast<std::size_t>(texts.size()));
  for (const std::string& text : texts) ids.push_back(AckId::parse(text).value_or(AckId{}));
  return ids;
}

// What a unary call answers for ids that came to these outcomes: with exactly-once delivery
// INVALID_ARGUMENT when one was not accepted, and an ErrorInfo that says why for each
// (https://cloud.google.com/pubsub/docs/exactly-once-delivery). `texts` are in the same order.
absl::Status exactly_once_status(const AckIdTexts& texts, std::span<const AckOutcome> outcomes);

}  // namespace pollbus::broker
