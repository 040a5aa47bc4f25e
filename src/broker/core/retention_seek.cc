// Snapshots and Seek.

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/core/retention.h"

namespace pollbus::broker {
namespace {

constexpr std::int64_t kMaxSnapshotAge_us = std::chrono::microseconds(kMaxSnapshotAge).count();
constexpr std::int64_t kMinSnapshotLife_us = std::chrono::microseconds(kMinSnapshotLife).count();

Delivery to_candidate(const QueuedMessage& message) {
  return {.id = message.id(),
          .batch = message.batch->first_id(),
          .begin = message.batch->begin(message.position),
          .bytes = message.bytes(),
          .body = message.batch->body()};
}

}  // namespace

absl::Status Retention::create_snapshot(const std::string& name, const std::string& subscription,
                                        std::string resource, std::int64_t now_us) {
  if (snapshot_ids_.contains(name)) return already_exists(name);
  RETURN_IF_ERROR(check_room(snapshot_ids_.size(), catalog_.options.max_snapshots, "snapshots"));
  RETURN_IF_ERROR(check_resource_size(resource));
  ASSIGN_OR_RETURN(const SubscriptionId source_id, catalog_.id_of(subscription));
  const Subscription& source = *catalog_.find(source_id);
  if (source.config.is_detached) return detached(subscription);
  if (const Topic* topic = catalog_.find_topic(source.config.topic)) {
    RETURN_IF_ERROR(catalog_.check_room_for(source.config.filter, *topic));
  }
  std::vector<QueuedMessage> unacked;
  std::int64_t oldest_us = now_us;
  source.queue.visit([&](const QueuedMessage& message) {
    unacked.push_back(message);
    oldest_us = std::min(oldest_us, message.batch->published_us());
  });
  const std::int64_t expires_us = oldest_us + kMaxSnapshotAge_us;
  if (expires_us - now_us < kMinSnapshotLife_us) {
    return absl::FailedPreconditionError(
        "The subscription's backlog is too old: the snapshot would expire in less than 1 hour.");
  }
  const SubscriptionId id = create_log({.kind = LogConfig::Kind::kSnapshot,
                                        .name = name,
                                        .topic = source.config.topic,
                                        .filter = source.config.filter,
                                        .expires_us = expires_us,
                                        .resource = std::move(resource)});
  recent_.push_back({id, source_id, catalog_.publications});
  std::ranges::sort(unacked, {}, &QueuedMessage::id);
  for (const QueuedMessage& message : add_deliveries(id, unacked)) find_log(id)->push(message);
  return absl::OkStatus();
}

// Such a message was routed before the snapshot was in the topic's index, and was not in the
// subscription's queue yet when the snapshot copied it.
bool Retention::add_to_later_snapshots(std::uint64_t publication, SubscriptionId subscription,
                                       const QueuedMessage& message) {
  bool is_added = false;
  for (const RecentSnapshot& snapshot : recent_) {
    if (snapshot.source != subscription || snapshot.publications < publication) continue;
    for (const QueuedMessage& added : add_deliveries(snapshot.log, {message})) {
      find_log(snapshot.log)->push(added);
    }
    is_added = true;
  }
  return is_added;
}

absl::Status Retention::update_snapshot(const std::string& name, std::int64_t expires_us,
                                        std::string resource) {
  const auto found = snapshot_ids_.find(name);
  if (found == snapshot_ids_.end()) return not_found(name);
  RETURN_IF_ERROR(check_resource_size(resource));
  LogConfig& config = find_log(found->second)->config;
  config.expires_us = expires_us;
  config.resource = std::move(resource);
  catalog_.observer->log_stored(found->second, config);
  return absl::OkStatus();
}

absl::Status Retention::delete_snapshot(const std::string& name) {
  const auto found = snapshot_ids_.find(name);
  if (found == snapshot_ids_.end()) return not_found(name);
  delete_log(found->second);
  return absl::OkStatus();
}

absl::StatusOr<const LogConfig*> Retention::snapshot(const std::string& name) const {
  const auto found = snapshot_ids_.find(name);
  if (found == snapshot_ids_.end()) return not_found(name);
  return &find_log(found->second)->config;
}

// Adds a delivery of each message to a subscription or log. The messages are in the order of ids.
std::vector<QueuedMessage> Retention::add_deliveries(SubscriptionId to,
                                                     const std::vector<QueuedMessage>& messages) {
  std::vector<QueuedMessage> added;
  added.reserve(messages.size());
  std::vector<AddedDelivery> of_batch;
  for (auto at = messages.begin(); at != messages.end();) {
    Batch* const batch = at->batch;
    of_batch.clear();
    for (; at != messages.end() && at->batch == batch; ++at) {
      of_batch.push_back({at->position, to});
    }
    std::uint32_t delivery = catalog_.batches.add_deliveries(batch, of_batch);
    for (const AddedDelivery& one : of_batch) added.push_back({batch, one.position, delivery++});
  }
  return added;
}

// Returns nullptr when the target is a time.
absl::StatusOr<const RetainedLog*> Retention::snapshot_for(const Subscription& subscription,
                                                           const SeekTarget& target) const {
  if (target.snapshot.empty()) return nullptr;
  const auto found = snapshot_ids_.find(target.snapshot);
  if (found == snapshot_ids_.end()) return not_found(target.snapshot);
  const RetainedLog* log = find_log(found->second);
  if (log->config.topic == subscription.config.topic) return log;
  return absl::FailedPreconditionError(
      "The snapshot and the subscription do not belong to the same topic.");
}

// Returns the retained messages that the target wants delivered and that are not in the backlog, in
// the order of their ids. A message from a log with another filter than the subscription's is
// returned only with `needs_filter`, all others only without.
std::vector<QueuedMessage> Retention::replayable(const Subscription& subscription,
                                                 const SeekTarget& target,
                                                 bool needs_filter) const {
  absl::flat_hash_set<MessageId> known;
  subscription.queue.visit([&](const QueuedMessage& message) { known.insert(message.id()); });
  std::vector<QueuedMessage> messages;
  const Filter& filter = subscription.config.filter;
  const auto collect = [&](const RetainedLog* log, std::int64_t from_us) {
    if (log == nullptr) return;
    const bool has_other_filter = !catalog_.options.ignore_filters &&
                                  !filter.matches_everything() &&
                                  filter.text() != log->config.filter.text();
    for (const QueuedMessage& message : log->messages()) {
      if (message.batch->published_us() < from_us) continue;
      if (!known.insert(message.id()).second) continue;
      if (has_other_filter == needs_filter) messages.push_back(message);
    }
  };
  if (!target.snapshot.empty()) {
    collect(find_log(snapshot_ids_.find(target.snapshot)->second),
            std::numeric_limits<std::int64_t>::min());
  } else {
    collect(find_log(subscription.log), target.published_us);
    const Topic* topic = catalog_.find_topic(subscription.config.topic);
    if (topic != nullptr) collect(find_log(topic->log), target.published_us);
  }
  std::ranges::sort(messages, {}, &QueuedMessage::id);
  return messages;
}

absl::StatusOr<ReplayCandidates> Retention::replay_candidates(const std::string& name,
                                                              const SeekTarget& target) const {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(name));
  const Subscription& subscription = *catalog_.find(id);
  RETURN_IF_ERROR(snapshot_for(subscription, target).status());
  ReplayCandidates candidates{.filter = subscription.config.filter, .messages = {}};
  for (const QueuedMessage& message : replayable(subscription, target, true)) {
    candidates.messages.push_back(to_candidate(message));
  }
  return candidates;
}

absl::Status Retention::seek(const std::string& name, const SeekTarget& target,
                             const absl::flat_hash_set<MessageId>& matching) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(name));
  Subscription& subscription = *catalog_.find(id);
  if (subscription.config.is_detached) return detached(name);
  ASSIGN_OR_RETURN(const RetainedLog* snapshot, snapshot_for(subscription, target));
  std::vector<QueuedMessage> again = replayable(subscription, target, false);
  for (const QueuedMessage& message : replayable(subscription, target, true)) {
    if (matching.contains(message.id())) again.push_back(message);
  }
  std::ranges::sort(again, {}, &QueuedMessage::id);
  absl::flat_hash_set<MessageId> in_snapshot;
  if (snapshot != nullptr) {
    for (const QueuedMessage& message : snapshot->messages()) in_snapshot.insert(message.id());
  }
  const std::vector<QueuedMessage> added = add_deliveries(id, again);
  subscription.queue.seek(
      [&](const QueuedMessage& message) {
        return snapshot != nullptr ? in_snapshot.contains(message.id())
                                   : message.batch->published_us() >= target.published_us;
      },
      added);
  ++subscription.updates;
  return absl::OkStatus();
}

}  // namespace pollbus::broker
