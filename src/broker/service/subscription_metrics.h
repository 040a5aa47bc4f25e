#pragma once

#include <prometheus/collectable.h>

#include "broker/service/broker.h"

namespace pollbus::broker {

// What /metrics says of each subscription, and of the core as a whole. The core counts by itself;
// here that is read whenever somebody asks, so that the way of a message pays for none of it, with
// thousands of subscriptions either. Thread-safe.
class SubscriptionMetrics final : public prometheus::Collectable {
 public:
  // Borrows it.
  explicit SubscriptionMetrics(Broker& broker) : broker_(broker) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Broker& broker_;
};

}  // namespace pollbus::broker
