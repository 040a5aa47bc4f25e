#include "broker/service/subscription_metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace pollbus::broker {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Reports that are read under the broker's lock at a time, so that a scrape delays nothing else.
constexpr std::size_t kReportsPerVisit = 256;
// Subscriptions that have series of their own: eight lines each.
constexpr std::size_t kMaxReportedSubscriptions = 2'000;

struct Report {
  std::string name;
  SubscriptionId id;
  Core::Report of;
};

struct Series {
  const char* name;
  const char* help;
  MetricType type;
  double (*value)(const Core::Report& report, std::int64_t now_us);
};

double number(std::uint64_t count) { return static_cast<double>(count); }

double age_s(const Core::Report& report, std::int64_t now_us) {
  const std::int64_t age_us = now_us - report.oldest_unacked_us.value_or(now_us);
  return static_cast<double>(std::max<std::int64_t>(age_us, 0)) / 1e6;
}

constexpr std::array kSeries{
    Series{"broker_subscription_matched_total",
           "Messages published that the subscription's filter let through", MetricType::Counter,
           [](const Core::Report& report, std::int64_t) { return number(report.counts.matched); }},
    Series{
        "broker_subscription_delivered_total", "Deliveries, every attempt counted",
        MetricType::Counter,
        [](const Core::Report& report, std::int64_t) { return number(report.counts.delivered); }},
    Series{"broker_subscription_acked_total", "Messages acknowledged", MetricType::Counter,
           [](const Core::Report& report, std::int64_t) { return number(report.counts.acked); }},
    Series{"broker_subscription_nacked_total", "Deliveries given back by a deadline of 0",
           MetricType::Counter,
           [](const Core::Report& report, std::int64_t) { return number(report.counts.nacked); }},
    Series{"broker_subscription_expired_total", "Deliveries whose deadline passed without an ack",
           MetricType::Counter,
           [](const Core::Report& report, std::int64_t) { return number(report.counts.expired); }},
    Series{"broker_subscription_dropped_total",
           "Unacknowledged messages removed because the retention time was over",
           MetricType::Counter,
           [](const Core::Report& report, std::int64_t) { return number(report.counts.dropped); }},
    Series{"broker_subscription_backlog_messages",
           "Messages not acknowledged, leased ones included", MetricType::Gauge,
           [](const Core::Report& report, std::int64_t) { return number(report.backlog); }},
    Series{"broker_subscription_leased_messages",
           "Messages delivered and neither acknowledged nor expired", MetricType::Gauge,
           [](const Core::Report& report, std::int64_t) { return number(report.leased); }},
    Series{"broker_subscription_oldest_unacked_age_seconds",
           "Since the oldest message that is not acknowledged was published; 0 without",
           MetricType::Gauge, age_s}};

std::vector<Report> reports_of(Broker& broker) {
  std::vector<Report> all;
  for (std::size_t before = 1; all.size() != before;) {
    before = all.size();
    const std::string after = all.empty() ? "" : all.back().name;
    broker.with_core([&](const Core& core) {
      for (const Core::Report& report : core.reports(after, kReportsPerVisit)) {
        all.push_back({*report.name, core.subscriptions().at(*report.name), report});
      }
      return true;
    });
  }
  return all;
}

// Leaves the subscriptions that were created first: the set changes only when one is deleted, and
// the subscriptions that many machines add later do not displace those they share.
void keep_oldest(std::vector<Report>* reports) {
  if (reports->size() <= kMaxReportedSubscriptions) return;
  std::ranges::nth_element(*reports, reports->begin() + kMaxReportedSubscriptions, {}, &Report::id);
  reports->resize(kMaxReportedSubscriptions);
}

ClientMetric metric(MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

MetricFamily gauge(const char* name, const char* help, std::size_t value) {
  return {name, help, MetricType::Gauge, {metric(MetricType::Gauge, number(value))}};
}

}  // namespace

std::vector<MetricFamily> SubscriptionMetrics::Collect() const {
  std::vector<Report> reports = reports_of(broker_);
  const std::size_t subscriptions = reports.size();
  keep_oldest(&reports);
  const std::int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                                  broker_.clock().wall_now().time_since_epoch())
                                  .count();
  std::vector<MetricFamily> families;
  for (const Series& series : kSeries) {
    MetricFamily& family =
        families.emplace_back(MetricFamily{series.name, series.help, series.type, {}});
    for (const Report& report : reports) {
      family.metric.push_back(
          metric(series.type, series.value(report.of, now_us), {{"subscription", report.name}}));
    }
  }
  families.push_back(gauge("broker_subscriptions", "Subscriptions that exist", subscriptions));
  families.push_back(gauge("broker_subscriptions_without_series",
                           "Subscriptions that have no series of their own here, because there are "
                           "too many; the oldest ones have",
                           subscriptions - reports.size()));
  const auto [scanned, cached] = broker_.with_core(
      [](const Core& core) { return std::pair(core.scanned_conjunctions(), core.cached_bytes()); });
  families.push_back(gauge("broker_scanned_conjunctions",
                           "Conjunctions of filters that every publish to their topic must try",
                           scanned));
  families.push_back(gauge("broker_cached_bytes", "Bodies of messages held in memory", cached));
  return families;
}

}  // namespace pollbus::broker
