#pragma once

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <cstddef>

#include "broker/core/retention.h"

namespace pollbus::broker {

// The broker's counters and histograms. Those of each subscription are in SubscriptionMetrics.
// Thread-safe.
class BrokerMetrics {
 public:
  // Borrows `registry`.
  explicit BrokerMetrics(prometheus::Registry& registry);

  void published(std::size_t messages, std::size_t bytes);
  // Notes how long it took to match a publish with the topic's subscriptions.
  void matched(std::chrono::nanoseconds duration);
  // Notes how long one synced write took.
  void committed(std::chrono::nanoseconds duration);
  // Retention or expiration removed something.
  void removed(const Removal& removal);

 private:
  prometheus::Counter& published_messages_;
  prometheus::Counter& published_bytes_;
  prometheus::Histogram& matches_;
  prometheus::Histogram& commits_;
  prometheus::Counter& dropped_messages_;
  prometheus::Counter& expired_subscriptions_;
  prometheus::Counter& expired_snapshots_;
};

}  // namespace pollbus::broker
