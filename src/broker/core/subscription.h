#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "broker/core/filter.h"
#include "broker/core/subscription_queue.h"

namespace pollbus::broker {

// The topic name of a subscription whose topic was deleted, as Google's service shows it.
constexpr std::string_view kDeletedTopic = "_deleted-topic_";

struct SubscriptionConfig {
  std::string name;   // projects/P/subscriptions/S
  std::string topic;  // projects/P/topics/T, or kDeletedTopic
  Filter filter;
  std::chrono::seconds ack_deadline{10};
  std::string resource;  // the serialized Subscription of the API; opaque to the core
  DeliveryRules rules;
  std::string dead_letter_topic;                  // set when rules.max_attempts is
  std::chrono::seconds retention{7 * 24 * 3600};  // of unacknowledged messages
  bool retains_acked = false;                     // acknowledged messages are retained as well
  bool is_detached = false;
  std::chrono::seconds expiration{0};  // deleted after this time without use; 0: never
  std::int64_t used_s = 0;             // time of the last known use, since 1970; set by the core
};

// A subscription with its backlog.
struct Subscription {
  Subscription(SubscriptionId id, SubscriptionConfig its_config, Batches* batches,
               QueueRequests* requests, std::uint32_t start)
      : config(std::move(its_config)), queue(id, config.rules, batches, requests, start) {}

  // Grows with every use.
  std::uint64_t uses() const {
    return updates + queue.counts().delivered + queue.counts().acked + queue.counts().nacked;
  }

  SubscriptionConfig config;
  SubscriptionQueue queue;
  std::optional<SteadyTime> scheduled;  // its valid entry among the core's deadlines
  SubscriptionId log = 0;               // the log of retained acked messages; 0: none
  std::uint64_t updates = 0;
  std::uint64_t uses_seen = 0;
};

}  // namespace pollbus::broker
