#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "broker/core/attributes.h"

namespace pollbus::broker {

using MessageId = std::uint64_t;
using SubscriptionId = std::uint32_t;
using ConsumerId = std::uint64_t;

// A published message: immutable, and shared by all subscriptions that it goes to. `wire` is the
// serialized google.pubsub.v1.PubsubMessage with id and publish time, ready to be delivered as it
// is; its size is what flow control counts.
struct Message {
  std::size_t bytes() const { return wire.size(); }

  MessageId id = 0;
  std::string wire;
};
using MessagePtr = std::shared_ptr<const Message>;

// A message on its way in, with the attributes that filters look at; borrows these.
struct IncomingMessage {
  MessagePtr message;
  Attributes attributes;
};

// A message handed to a consumer. The first attempt is 1.
struct Delivery {
  MessagePtr message;
  std::uint32_t attempt = 0;
};

}  // namespace pollbus::broker
