#include "broker/service/broker_metrics.h"

#include <string>

#include "base/metrics.h"

namespace pollbus::broker {
namespace {

prometheus::Histogram& histogram(prometheus::Registry& registry, const std::string& name,
                                 const std::string& help,
                                 const prometheus::Histogram::BucketBoundaries& bounds) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
}

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

BrokerMetrics::BrokerMetrics(prometheus::Registry& registry)
    : published_messages_(
          counter(registry, "broker_published_messages_total", "Messages published")),
      published_bytes_(
          counter(registry, "broker_published_bytes_total", "Bytes of messages published")),
      matches_(histogram(registry, "broker_match_seconds",
                         "Matching the messages of a publish with the topic's subscriptions",
                         {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2, 1e-1})),
      commits_(histogram(
          registry, "broker_commit_seconds",
          "Synced writes to the store, each of all publishes waiting then",
          {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0})),
      dropped_messages_(counter(registry, "broker_dropped_messages_total",
                                "Unacknowledged messages removed by retention, or with an expired "
                                "subscription")),
      expired_subscriptions_(counter(registry, "broker_expired_subscriptions_total",
                                     "Subscriptions deleted by their expiration policy")),
      expired_snapshots_(counter(registry, "broker_expired_snapshots_total",
                                 "Snapshots deleted because their time was over")) {}

void BrokerMetrics::published(std::size_t messages, std::size_t bytes) {
  published_messages_.Increment(static_cast<double>(messages));
  published_bytes_.Increment(static_cast<double>(bytes));
}

void BrokerMetrics::matched(std::chrono::nanoseconds duration) {
  matches_.Observe(seconds(duration));
}

void BrokerMetrics::committed(std::chrono::nanoseconds duration) {
  commits_.Observe(seconds(duration));
}

void BrokerMetrics::removed(const Removal& removal) {
  dropped_messages_.Increment(static_cast<double>(removal.messages));
  if (removal.kind == Removal::Kind::kSubscription) expired_subscriptions_.Increment();
  if (removal.kind == Removal::Kind::kSnapshot) expired_snapshots_.Increment();
}

}  // namespace pollbus::broker
