// What is kept to be delivered again: logs of topics and subscriptions, snapshots, Seek; and what
// goes when its time is over.

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/status.h"
#include "broker/core/core.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

using std::chrono::microseconds;

// An update of a subscription's last use is not worth a write to the store more often.
constexpr std::chrono::hours kUseResolution{1};

std::int64_t to_us(std::chrono::seconds duration) { return microseconds(duration).count(); }
std::int64_t to_s(std::int64_t us) {
  return std::chrono::duration_cast<std::chrono::seconds>(microseconds(us)).count();
}

}  // namespace

RetainedLog* Core::find_log(SubscriptionId id) const {
  const auto found = logs_.find(id);
  return found == logs_.end() ? nullptr : found->second.get();
}

RetainedLog& Core::add_log(SubscriptionId id, LogConfig config) {
  if (const auto topic = topics_.find(config.topic); topic != topics_.end()) {
    topic->second.index.add(id, effective_filter(config.filter));
    if (config.kind == LogConfig::Kind::kSnapshot) topic->second.snapshots.insert(config.name);
  }
  if (config.kind == LogConfig::Kind::kSnapshot) snapshot_ids_.emplace(config.name, id);
  auto& added = logs_[id];
  added = std::make_unique<RetainedLog>(std::move(config), &batches_);
  return *added;
}

SubscriptionId Core::create_log(LogConfig config) {
  const SubscriptionId id = ++last_subscription_;
  journal_->log_stored(id, add_log(id, std::move(config)).config);
  return id;
}

void Core::delete_log(SubscriptionId id) {
  RetainedLog* log = find_log(id);
  if (log == nullptr) return;
  const LogConfig& config = log->config;
  if (const auto topic = topics_.find(config.topic); topic != topics_.end()) {
    topic->second.index.remove(id, effective_filter(config.filter));
    topic->second.snapshots.erase(config.name);
  }
  if (config.kind == LogConfig::Kind::kSnapshot) snapshot_ids_.erase(config.name);
  log->abandon_all();
  logs_.erase(id);
  journal_->log_deleted(id);
}

void Core::retain(const std::string& name, std::chrono::seconds retention) {
  Topic& topic = topics_.find(name)->second;
  if (RetainedLog* log = find_log(topic.log); log != nullptr && retention.count() > 0) {
    if (std::exchange(log->config.retention, retention) == retention) return;
    journal_->log_stored(topic.log, log->config);
  } else if (log != nullptr) {
    delete_log(std::exchange(topic.log, 0));
  } else if (retention.count() > 0) {
    topic.log = create_log(
        {.kind = LogConfig::Kind::kTopic, .name = name, .topic = name, .retention = retention});
  }
}

std::chrono::seconds Core::topic_retention(const std::string& name) const {
  const auto topic = topics_.find(name);
  const RetainedLog* log = topic == topics_.end() ? nullptr : find_log(topic->second.log);
  return log == nullptr ? std::chrono::seconds(0) : log->config.retention;
}

absl::Status Core::create_snapshot(const std::string& name, const std::string& subscription,
                                   std::string resource, std::int64_t now_us) {
  if (snapshot_ids_.contains(name)) return already_exists(name);
  ASSIGN_OR_RETURN(const SubscriptionId source_id, id_of(subscription));
  const Subscription& source = *find(source_id);
  if (source.config.is_detached) return detached(subscription);
  std::vector<QueuedMessage> unacked;
  std::int64_t oldest_us = now_us;
  source.queue.visit([&](const QueuedMessage& message) {
    unacked.push_back(message);
    oldest_us = std::min(oldest_us, message.batch->published_us());
  });
  const std::int64_t expires_us = oldest_us + to_us(kMaxSnapshotAge);
  if (expires_us - now_us < to_us(kMinSnapshotLife)) {
    return absl::FailedPreconditionError(
        "The subscription's backlog is too old: the snapshot would expire in less than 1 hour.");
  }
  const SubscriptionId id = create_log({.kind = LogConfig::Kind::kSnapshot,
                                        .name = name,
                                        .topic = source.config.topic,
                                        .filter = source.config.filter,
                                        .expires_us = expires_us,
                                        .resource = std::move(resource)});
  std::ranges::sort(unacked, {}, &QueuedMessage::id);
  for (const QueuedMessage& message : add_to(id, unacked)) find_log(id)->push(message);
  return absl::OkStatus();
}

absl::Status Core::update_snapshot(const std::string& name, std::int64_t expires_us,
                                   std::string resource) {
  const auto found = snapshot_ids_.find(name);
  if (found == snapshot_ids_.end()) return not_found(name);
  LogConfig& config = find_log(found->second)->config;
  config.expires_us = expires_us;
  config.resource = std::move(resource);
  journal_->log_stored(found->second, config);
  return absl::OkStatus();
}

absl::Status Core::delete_snapshot(const std::string& name) {
  const auto found = snapshot_ids_.find(name);
  if (found == snapshot_ids_.end()) return not_found(name);
  delete_log(found->second);
  return absl::OkStatus();
}

absl::StatusOr<const LogConfig*> Core::snapshot(const std::string& name) const {
  const auto found = snapshot_ids_.find(name);
  if (found == snapshot_ids_.end()) return not_found(name);
  return &find_log(found->second)->config;
}

// New deliveries of the messages, which are in the order of their ids.
std::vector<QueuedMessage> Core::add_to(SubscriptionId id,
                                        const std::vector<QueuedMessage>& messages) {
  std::vector<QueuedMessage> added;
  added.reserve(messages.size());
  std::vector<AddedDelivery> of_batch;
  for (auto at = messages.begin(); at != messages.end();) {
    Batch* const batch = at->batch;
    of_batch.clear();
    for (; at != messages.end() && at->batch == batch; ++at) {
      of_batch.push_back({at->position, id});
    }
    std::uint32_t delivery = batches_.add_deliveries(batch, of_batch);
    for (const AddedDelivery& one : of_batch) added.push_back({batch, one.position, delivery++});
  }
  return added;
}

// nullptr when it is a time that is sought.
absl::StatusOr<const RetainedLog*> Core::snapshot_for(const Subscription& subscription,
                                                      const SeekTarget& target) const {
  if (target.snapshot.empty()) return nullptr;
  const auto found = snapshot_ids_.find(target.snapshot);
  if (found == snapshot_ids_.end()) return not_found(target.snapshot);
  const RetainedLog* log = find_log(found->second);
  if (log->config.topic == subscription.config.topic) return log;
  return absl::FailedPreconditionError(
      "The snapshot and the subscription do not belong to the same topic.");
}

// The retained messages that the target wants delivered and that are not in the backlog, in the
// order of their ids; those that the subscription's filter is to be asked for, or the others.
std::vector<QueuedMessage> Core::replayable(const Subscription& subscription,
                                            const SeekTarget& target, bool is_to_be_asked) const {
  absl::flat_hash_set<MessageId> known;
  subscription.queue.visit([&](const QueuedMessage& message) { known.insert(message.id()); });
  std::vector<QueuedMessage> messages;
  const Filter& filter = subscription.config.filter;
  const auto collect = [&](const RetainedLog* log, std::int64_t from_us) {
    if (log == nullptr) return;
    const bool asks = !options_.ignore_filters && !filter.matches_everything() &&
                      filter.text() != log->config.filter.text();
    for (const QueuedMessage& message : log->messages()) {
      if (message.batch->published_us() < from_us) continue;
      if (!known.insert(message.id()).second) continue;
      if (asks == is_to_be_asked) messages.push_back(message);
    }
  };
  if (!target.snapshot.empty()) {
    collect(find_log(snapshot_ids_.find(target.snapshot)->second),
            std::numeric_limits<std::int64_t>::min());
  } else {
    collect(find_log(subscription.log), target.published_us);
    const auto topic = topics_.find(subscription.config.topic);
    if (topic != topics_.end()) collect(find_log(topic->second.log), target.published_us);
  }
  std::ranges::sort(messages, {}, &QueuedMessage::id);
  return messages;
}

absl::StatusOr<ReplayCandidates> Core::replay_candidates(const std::string& name,
                                                         const SeekTarget& target) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  const Subscription& subscription = *find(id);
  RETURN_IF_ERROR(snapshot_for(subscription, target).status());
  ReplayCandidates candidates{.filter = subscription.config.filter, .messages = {}};
  for (const QueuedMessage& message : replayable(subscription, target, true)) {
    candidates.messages.push_back({.id = message.id(),
                                   .batch = message.batch->first_id(),
                                   .begin = message.batch->begin(message.position),
                                   .bytes = message.bytes(),
                                   .body = message.batch->body()});
  }
  return candidates;
}

absl::Status Core::seek(const std::string& name, const SeekTarget& target,
                        const absl::flat_hash_set<MessageId>& let_through) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  Subscription& subscription = *find(id);
  if (subscription.config.is_detached) return detached(name);
  ASSIGN_OR_RETURN(const RetainedLog* snapshot, snapshot_for(subscription, target));
  std::vector<QueuedMessage> again = replayable(subscription, target, false);
  for (const QueuedMessage& message : replayable(subscription, target, true)) {
    if (let_through.contains(message.id())) again.push_back(message);
  }
  std::ranges::sort(again, {}, &QueuedMessage::id);
  absl::flat_hash_set<MessageId> in_snapshot;
  if (snapshot != nullptr) {
    for (const QueuedMessage& message : snapshot->messages()) in_snapshot.insert(message.id());
  }
  const std::vector<QueuedMessage> added = add_to(id, again);
  subscription.queue.seek(
      [&](const QueuedMessage& message) {
        return snapshot != nullptr ? in_snapshot.contains(message.id())
                                   : message.batch->published_us() >= target.published_us;
      },
      added);
  ++subscription.updates;
  schedule(id, &subscription);
  return absl::OkStatus();
}

void Core::sweep(std::int64_t wall_us) {
  for (const auto& [id, subscription] : subscriptions_) {
    const SubscriptionConfig& config = subscription->config;
    const std::chrono::seconds retention =
        std::max(config.retention, topic_retention(config.topic));
    subscription->queue.drop_published_before(wall_us - to_us(retention));
  }
  for (const auto& [id, log] : logs_) {
    if (log->config.kind == LogConfig::Kind::kSnapshot) continue;
    log->drop_published_before(wall_us - to_us(log->config.retention));
  }
  expire_resources(wall_us);
}

void Core::expire_resources(std::int64_t wall_us) {
  std::vector<std::string> unused;
  for (const auto& [id, subscription] : subscriptions_) {
    SubscriptionConfig& config = subscription->config;
    const bool is_used =
        std::exchange(subscription->uses_seen, subscription->uses()) != subscription->uses() ||
        subscription->queue.has_consumers() || config.used_s == 0;
    const std::int64_t now_s = to_s(wall_us);
    const std::int64_t resolution_s = std::chrono::seconds(kUseResolution).count();
    if (is_used && now_s - config.used_s >= resolution_s) {
      config.used_s = now_s;
      if (config.expiration.count() > 0) journal_->subscription_stored(id, config);
    }
    const bool expires = config.expiration.count() > 0;
    if (expires && config.used_s + config.expiration.count() < now_s) {
      unused.push_back(config.name);
    }
  }
  for (const std::string& name : unused) delete_subscription(name).IgnoreError();
  std::vector<SubscriptionId> expired;
  for (const auto& [name, id] : snapshot_ids_) {
    if (find_log(id)->config.expires_us < wall_us) expired.push_back(id);
  }
  for (const SubscriptionId id : expired) delete_log(id);
}

}  // namespace pollbus::broker
