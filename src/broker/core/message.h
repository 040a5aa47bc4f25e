#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "broker/core/attributes.h"

namespace pollbus::broker {

using MessageId = std::uint64_t;
using SubscriptionId = std::uint32_t;
using ConsumerId = std::uint64_t;
// The hash of an ordering key (see ordering_key()); 0: no key. Keys with the same hash are ordered
// together.
using OrderingKey = std::uint64_t;

// The concatenated messages of a batch. Each is a serialized google.pubsub.v1.PubsubMessage with id
// and publish time, in the form in which it is delivered. Immutable and shared.
using Body = std::shared_ptr<const std::string>;

// The messages of one publish call before routing. Their ids are consecutive. Borrows the
// attributes.
struct IncomingBatch {
  MessageId first_id = 0;
  WallTime published;
  Body body;
  std::vector<std::uint32_t> ends;  // the offset in the body at which each message ends
  std::vector<Attributes> attributes;
  std::vector<OrderingKey> keys;  // empty when no message has one
};

// A message that is being delivered to a consumer.
struct Delivery {
  // Requires a body.
  std::string_view wire() const { return std::string_view(*body).substr(begin, bytes); }

  MessageId id = 0;
  std::uint32_t attempt = 0;  // the first is 1
  std::uint32_t start = 0;    // as in AckId
  MessageId batch = 0;        // the batch that contains it
  std::uint32_t begin = 0;    // its offset in the batch's body
  std::uint32_t bytes = 0;    // its size, as flow control counts it
  Body body;                  // nullptr: only the store has it
  // The attempt that the client is shown; 0 without a dead-letter policy.
  std::uint32_t shown_attempt = 0;
};

}  // namespace pollbus::broker
