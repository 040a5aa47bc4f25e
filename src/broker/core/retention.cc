#include "broker/core/retention.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/status.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

using std::chrono::microseconds;

// A subscription's last use is written to the store at most this often.
constexpr std::chrono::hours kUseResolution{1};

std::int64_t to_us(std::chrono::seconds duration) { return microseconds(duration).count(); }
std::int64_t to_s(std::int64_t us) {
  return std::chrono::duration_cast<std::chrono::seconds>(microseconds(us)).count();
}

}  // namespace

RetainedLog* Retention::find_log(SubscriptionId id) const {
  const auto found = logs_.find(id);
  return found == logs_.end() ? nullptr : found->second.get();
}

RetainedLog& Retention::add_log(SubscriptionId id, LogConfig config) {
  const bool is_snapshot = config.kind == LogConfig::Kind::kSnapshot;
  if (Topic* topic = catalog_.find_topic(config.topic)) {
    topic->index.add(id, catalog_.effective_filter(config.filter));
    if (is_snapshot) topic->snapshots.insert(config.name);
  }
  if (is_snapshot) snapshot_ids_.emplace(config.name, id);
  auto& added = logs_[id];
  added = std::make_unique<RetainedLog>(std::move(config), &catalog_.batches);
  return *added;
}

SubscriptionId Retention::create_log(LogConfig config) {
  const SubscriptionId id = ++catalog_.last_id;
  catalog_.observer->log_stored(id, add_log(id, std::move(config)).config);
  return id;
}

void Retention::restore_log(SubscriptionId id, LogConfig config) {
  const LogConfig& added = add_log(id, std::move(config)).config;
  catalog_.last_id = std::max(catalog_.last_id, id);
  if (added.kind == LogConfig::Kind::kTopic) {
    if (Topic* topic = catalog_.find_topic(added.name)) topic->log = id;
  } else if (added.kind == LogConfig::Kind::kSubscription) {
    const auto owner = catalog_.id_of(added.name);
    if (owner.ok()) catalog_.find(*owner)->log = id;
  }
}

void Retention::delete_log(SubscriptionId id) {
  RetainedLog* log = find_log(id);
  if (log == nullptr) return;
  const LogConfig& config = log->config;
  if (Topic* topic = catalog_.find_topic(config.topic)) {
    topic->index.remove(id, catalog_.effective_filter(config.filter));
    topic->snapshots.erase(config.name);
  }
  if (config.kind == LogConfig::Kind::kSnapshot) snapshot_ids_.erase(config.name);
  std::erase_if(recent_, [id](const RecentSnapshot& snapshot) { return snapshot.log == id; });
  log->abandon_all();
  logs_.erase(id);
  catalog_.observer->log_deleted(id);
}

void Retention::retain_topic(const std::string& name, std::chrono::seconds retention) {
  Topic& topic = *catalog_.find_topic(name);
  if (RetainedLog* log = find_log(topic.log); log != nullptr && retention.count() > 0) {
    if (std::exchange(log->config.retention, retention) == retention) return;
    catalog_.observer->log_stored(topic.log, log->config);
  } else if (log != nullptr) {
    delete_log(std::exchange(topic.log, 0));
  } else if (retention.count() > 0) {
    topic.log = create_log(
        {.kind = LogConfig::Kind::kTopic, .name = name, .topic = name, .retention = retention});
  }
}

std::chrono::seconds Retention::topic_retention(const std::string& name) const {
  const Topic* topic = std::as_const(catalog_).find_topic(name);
  const RetainedLog* log = topic == nullptr ? nullptr : find_log(topic->log);
  return log == nullptr ? std::chrono::seconds(0) : log->config.retention;
}

void Retention::retain_acked(Subscription* subscription) {
  const SubscriptionConfig& config = subscription->config;
  const bool is_wanted = config.retains_acked && !config.is_detached;
  if (RetainedLog* log = find_log(subscription->log); log != nullptr && is_wanted) {
    if (log->config.retention == config.retention) return;
    log->config.retention = config.retention;
    catalog_.observer->log_stored(subscription->log, log->config);
  } else if (log != nullptr) {
    delete_log(std::exchange(subscription->log, 0));
  } else if (is_wanted) {
    subscription->log = create_log({.kind = LogConfig::Kind::kSubscription,
                                    .name = config.name,
                                    .topic = config.topic,
                                    .filter = config.filter,
                                    .retention = config.retention});
  }
}

void Retention::subscription_deleted(const Subscription& subscription) {
  if (subscription.log != 0) delete_log(subscription.log);
}

void Retention::topic_deleted(const std::string& name, const Topic& topic) {
  for (const auto& [id, log] : logs_) {
    if (log->config.topic != name || id == topic.log) continue;
    log->config.topic = kDeletedTopic;
    catalog_.observer->log_stored(id, log->config);
  }
  if (topic.log != 0) delete_log(topic.log);
}

void Retention::drop_expired(std::int64_t wall_us, std::vector<Removal>* removals) {
  for (const auto& [id, subscription] : catalog_.subscriptions) {
    const SubscriptionConfig& config = subscription->config;
    const auto retention = std::max(config.retention, topic_retention(config.topic));
    const std::size_t dropped =
        subscription->queue.drop_published_before(wall_us - to_us(retention));
    if (dropped > 0) removals->push_back({Removal::Kind::kMessages, config.name, dropped});
  }
  std::vector<SubscriptionId> expired;
  for (const auto& [id, log] : logs_) {
    if (log->config.kind != LogConfig::Kind::kSnapshot) {
      log->drop_published_before(wall_us - to_us(log->config.retention));
    } else if (log->config.expires_us < wall_us) {
      expired.push_back(id);
      removals->push_back({Removal::Kind::kSnapshot, log->config.name});
    }
  }
  for (const SubscriptionId id : expired) delete_log(id);
}

std::vector<std::string> Retention::unused_subscriptions(std::int64_t wall_us) {
  const std::int64_t now_s = to_s(wall_us);
  std::vector<std::string> unused;
  for (const auto& [id, subscription] : catalog_.subscriptions) {
    SubscriptionConfig& config = subscription->config;
    const bool expires = config.expiration.count() > 0;
    const bool is_used =
        std::exchange(subscription->uses_seen, subscription->uses()) != subscription->uses() ||
        subscription->queue.has_consumers() || config.used_s == 0;
    if (is_used && now_s - config.used_s >= std::chrono::seconds(kUseResolution).count()) {
      config.used_s = now_s;
      if (expires) catalog_.observer->subscription_stored(id, config);
    }
    if (expires && !is_used && config.used_s + config.expiration.count() < now_s) {
      unused.push_back(config.name);
    }
  }
  return unused;
}

}  // namespace pollbus::broker
