#pragma once

#include <prometheus/collectable.h>

#include "broker/service/broker.h"

namespace pollbus::broker {

// The metrics of each subscription and of the core. The core counts anyway; its numbers are read
// only when /metrics is requested, so they cost nothing per message. Thread-safe.
class SubscriptionMetrics final : public prometheus::Collectable {
 public:
  // Borrows `broker`.
  explicit SubscriptionMetrics(Broker& broker) : broker_(broker) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  Broker& broker_;
};

}  // namespace pollbus::broker
