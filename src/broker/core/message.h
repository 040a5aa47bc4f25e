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
// A hash of an ordering key's text (see ordering_key()); 0: none. Keys that share a hash are one.
using OrderingKey = std::uint64_t;

// The messages of a batch, one behind the other, each a serialized google.pubsub.v1.PubsubMessage
// with id and publish time, ready to be delivered as it is. Immutable and shared.
using Body = std::shared_ptr<const std::string>;

// The messages of one publish on their way in, with the attributes that filters look at; borrows
// these. The ids are consecutive.
struct IncomingBatch {
  MessageId first_id = 0;
  WallTime published;
  Body body;
  std::vector<std::uint32_t> ends;  // of each message in the body
  std::vector<Attributes> attributes;
  std::vector<OrderingKey> keys;  // empty when no message has one
};

// A message handed to a consumer. The first attempt is 1.
struct Delivery {
  // Only with a body.
  std::string_view wire() const { return std::string_view(*body).substr(begin, bytes); }

  MessageId id = 0;
  std::uint32_t attempt = 0;
  MessageId batch = 0;  // that it is stored in
  std::uint32_t begin = 0;
  std::uint32_t bytes = 0;  // what flow control counts
  Body body;                // nullptr: it is on disk only
  // As the client is told; 0 without a dead-letter policy.
  std::uint32_t shown_attempt = 0;
};

}  // namespace pollbus::broker
