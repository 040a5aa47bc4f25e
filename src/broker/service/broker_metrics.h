#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/subscription_queue.h"

namespace pollbus::broker {

// What /metrics says about the broker. The core counts by itself; the counts are brought here
// shortly after they change, so that the hot path pays for none of this. published() is
// thread-safe; apply() is for one thread.
class BrokerMetrics {
 public:
  // Borrows `registry`.
  explicit BrokerMetrics(prometheus::Registry& registry);

  struct Change {
    SubscriptionId subscription = 0;
    std::optional<std::string> name;  // none: it was deleted
    SubscriptionCounts counts;
    std::size_t backlog = 0;
    std::size_t leased = 0;
  };
  void apply(const std::vector<Change>& changes);
  // Whether apply() should be called again though nothing has changed.
  bool has_removals() const { return !removals_.empty(); }

  void published(std::size_t messages, std::size_t bytes);
  // One synced write; thread-safe too.
  void committed(std::chrono::nanoseconds duration);

 private:
  struct Series {
    std::string name;
    prometheus::Counter* matched;
    prometheus::Counter* delivered;
    prometheus::Counter* acked;
    prometheus::Counter* nacked;
    prometheus::Counter* expired;
    prometheus::Gauge* backlog;
    prometheus::Gauge* leased;
  };

  Series add(const std::string& subscription);
  void remove(const Series& series);

  prometheus::Counter& published_messages_;
  prometheus::Counter& published_bytes_;
  prometheus::Histogram& commits_;
  prometheus::Family<prometheus::Counter>& matched_;
  prometheus::Family<prometheus::Counter>& delivered_;
  prometheus::Family<prometheus::Counter>& acked_;
  prometheus::Family<prometheus::Counter>& nacked_;
  prometheus::Family<prometheus::Counter>& expired_;
  prometheus::Family<prometheus::Gauge>& backlog_;
  prometheus::Family<prometheus::Gauge>& leased_;
  std::map<SubscriptionId, Series> series_;
  std::map<std::string, Series> removals_;  // by the name of the subscription
};

}  // namespace pollbus::broker
