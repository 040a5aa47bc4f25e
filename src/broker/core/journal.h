#pragma once

#include <span>
#include <string>
#include <vector>

#include "broker/core/message.h"

namespace pollbus::broker {

struct SubscriptionConfig;

// A batch of messages, each with the subscriptions it goes to.
struct Publication {
  struct Routed {
    MessagePtr message;
    std::size_t first = 0;  // its subscriptions are a range of `subscriptions`
    std::size_t count = 0;
  };

  std::vector<Routed> messages;
  std::vector<SubscriptionId> subscriptions;
};

// Is told every change that must outlive the process, in order, by the core's caller's thread and
// under its lock: an implementation only takes notes. A publication is told after it was routed
// and before it is enqueued, so that a store can make it durable in between. Deliveries are told
// for their attempts.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void topic_stored(const std::string& /*name*/, const std::string& /*resource*/) {}
  virtual void topic_deleted(const std::string& /*name*/) {}
  virtual void subscription_stored(SubscriptionId /*id*/, const SubscriptionConfig& /*config*/) {}
  virtual void subscription_deleted(SubscriptionId /*id*/) {}
  virtual void published(const Publication& /*publication*/) {}
  virtual void delivered(SubscriptionId /*id*/, std::span<const Delivery> /*deliveries*/) {}
  virtual void acked(SubscriptionId /*id*/, std::span<const MessageId> /*messages*/) {}
};

}  // namespace pollbus::broker
