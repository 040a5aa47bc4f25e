#include "broker/service/broker_metrics.h"

namespace pollbus::broker {
namespace {

// The library looks through all series to remove one: what is more waits for the next call.
constexpr int kMaxRemovalsPerApply = 20;

prometheus::Family<prometheus::Counter>& counter(prometheus::Registry& registry,
                                                 const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Gauge>& gauge(prometheus::Registry& registry,
                                             const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Histogram::BucketBoundaries commit_buckets() {
  return {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0};
}

void raise(prometheus::Counter* counter, std::uint64_t to) {
  counter->Increment(static_cast<double>(to) - counter->Value());
}

}  // namespace

BrokerMetrics::BrokerMetrics(prometheus::Registry& registry)
    : published_messages_(
          counter(registry, "broker_published_messages_total", "Messages published").Add({})),
      published_bytes_(
          counter(registry, "broker_published_bytes_total", "Bytes of messages published").Add({})),
      commits_(prometheus::BuildHistogram()
                   .Name("broker_commit_seconds")
                   .Help("Synced writes to the store, each of all publishes waiting then")
                   .Register(registry)
                   .Add({}, commit_buckets())),
      matched_(counter(registry, "broker_subscription_matched_total",
                       "Messages that the subscription's filter let through")),
      delivered_(counter(registry, "broker_subscription_delivered_total",
                         "Deliveries, every attempt counted")),
      acked_(counter(registry, "broker_subscription_acked_total", "Messages acknowledged")),
      nacked_(counter(registry, "broker_subscription_nacked_total",
                      "Deliveries given back by a deadline of 0")),
      expired_(counter(registry, "broker_subscription_expired_total",
                       "Deliveries whose deadline passed without an ack")),
      backlog_(gauge(registry, "broker_subscription_backlog_messages",
                     "Messages not acknowledged, leased ones included")),
      leased_(gauge(registry, "broker_subscription_leased_messages",
                    "Messages delivered and neither acknowledged nor expired")) {}

void BrokerMetrics::published(std::size_t messages, std::size_t bytes) {
  published_messages_.Increment(static_cast<double>(messages));
  published_bytes_.Increment(static_cast<double>(bytes));
}

void BrokerMetrics::committed(std::chrono::nanoseconds duration) {
  commits_.Observe(std::chrono::duration<double>(duration).count());
}

void BrokerMetrics::apply(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    auto found = series_.find(change.subscription);
    if (!change.name) {
      if (found == series_.end()) continue;
      removals_.emplace(found->second.name, found->second);
      series_.erase(found);
      continue;
    }
    if (found == series_.end()) {
      found = series_.emplace(change.subscription, add(*change.name)).first;
    }
    const Series& series = found->second;
    raise(series.matched, change.counts.matched);
    raise(series.delivered, change.counts.delivered);
    raise(series.acked, change.counts.acked);
    raise(series.nacked, change.counts.nacked);
    raise(series.expired, change.counts.expired);
    series.backlog->Set(static_cast<double>(change.backlog));
    series.leased->Set(static_cast<double>(change.leased));
  }
  for (int i = 0; i < kMaxRemovalsPerApply && !removals_.empty(); ++i) {
    remove(removals_.begin()->second);
    removals_.erase(removals_.begin());
  }
}

BrokerMetrics::Series BrokerMetrics::add(const std::string& subscription) {
  // The new subscription's counts begin at 0, as those of another one.
  if (const auto old = removals_.extract(subscription)) remove(old.mapped());
  const prometheus::Labels labels{{"subscription", subscription}};
  return {.name = subscription,
          .matched = &matched_.Add(labels),
          .delivered = &delivered_.Add(labels),
          .acked = &acked_.Add(labels),
          .nacked = &nacked_.Add(labels),
          .expired = &expired_.Add(labels),
          .backlog = &backlog_.Add(labels),
          .leased = &leased_.Add(labels)};
}

void BrokerMetrics::remove(const Series& series) {
  matched_.Remove(series.matched);
  delivered_.Remove(series.delivered);
  acked_.Remove(series.acked);
  nacked_.Remove(series.nacked);
  expired_.Remove(series.expired);
  backlog_.Remove(series.backlog);
  leased_.Remove(series.leased);
}

}  // namespace pollbus::broker
