#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "broker/core/catalog.h"
#include "broker/core/retained_log.h"

namespace pollbus::broker {

constexpr std::chrono::hours kMaxSnapshotAge{7 * 24};
constexpr std::chrono::hours kMinSnapshotLife{1};

// The state that Seek restores: that of a snapshot if one is named; otherwise the state in which
// messages published before the time are acked and all others are not.
struct SeekTarget {
  std::int64_t published_us = 0;  // since 1970
  std::string snapshot;
};

// Retained messages that Seek delivers again if the subscription's filter matches them.
struct ReplayCandidates {
  Filter filter;
  std::vector<Delivery> messages;  // grouped by batch
};

// One thing that the broker removed by itself because its time was over.
struct Removal {
  enum class Kind {
    kMessages,      // retention of the subscription `name` dropped unacknowledged messages
    kSubscription,  // expired with its backlog
    kSnapshot,      // expired
  };

  Kind kind = Kind::kMessages;
  std::string name;
  std::size_t messages = 0;  // unacknowledged ones that are lost with it
};

// Keeps messages so that they can be delivered again, and removes what has been kept long enough:
// message retention of topics and subscriptions, snapshots, Seek. Not thread-safe. Times are in
// microseconds since 1970. Behaves as https://cloud.google.com/pubsub/docs/replay-overview says.
class Retention {
 public:
  // Borrows `catalog`.
  explicit Retention(Catalog* catalog) : catalog_(*catalog) {}

  // Sets how long a topic keeps messages; 0: not at all.
  void retain_topic(const std::string& topic, std::chrono::seconds retention);
  std::chrono::seconds topic_retention(const std::string& topic) const;
  // Creates, changes or deletes the log of acked messages, as the subscription's config wants.
  void retain_acked(Subscription* subscription);
  // To be called before the subscription or topic is removed from the catalog.
  void subscription_deleted(const Subscription& subscription);
  void topic_deleted(const std::string& name, const Topic& topic);
  void restore_log(SubscriptionId id, LogConfig config);
  RetainedLog* find_log(SubscriptionId id) const;

  // The snapshot holds the subscription's unacknowledged messages and everything that its topic
  // gets from now on. FAILED_PRECONDITION when it would expire too soon.
  absl::Status create_snapshot(const std::string& name, const std::string& subscription,
                               std::string resource, std::int64_t now_us);
  absl::Status update_snapshot(const std::string& name, std::int64_t expires_us,
                               std::string resource);
  absl::Status delete_snapshot(const std::string& name);
  absl::StatusOr<const LogConfig*> snapshot(const std::string& name) const;
  const std::map<std::string, SubscriptionId, std::less<>>& snapshots() const {
    return snapshot_ids_;
  }
  // Whether a snapshot was taken after the publication with this number was routed.
  bool has_snapshot_since(std::uint64_t publication) const {
    return !recent_.empty() && recent_.back().publications >= publication;
  }
  // Adds a message to the snapshots that were taken of the subscription after the publication was
  // routed and before it was enqueued. Returns whether there was one.
  bool add_to_later_snapshots(std::uint64_t publication, SubscriptionId subscription,
                              const QueuedMessage& message);

  // The messages for which seek() needs to know whether the filter matches. Usually none.
  absl::StatusOr<ReplayCandidates> replay_candidates(const std::string& subscription,
                                                     const SeekTarget& target) const;
  // `matching` are the candidates that the filter matches.
  absl::Status seek(const std::string& subscription, const SeekTarget& target,
                    const absl::flat_hash_set<MessageId>& matching);

  // Drops messages and snapshots whose time is over and reports them.
  void drop_expired(std::int64_t wall_us, std::vector<Removal>* removals);
  // The names of subscriptions that have been unused for too long.
  std::vector<std::string> unused_subscriptions(std::int64_t wall_us);
  bool has_logs() const { return !logs_.empty(); }

 private:
  // A snapshot that was taken by this process, while publications may have been in flight.
  struct RecentSnapshot {
    SubscriptionId log = 0;
    SubscriptionId source = 0;
    std::uint64_t publications = 0;  // the number of the last one that was routed then
  };

  SubscriptionId create_log(LogConfig config);
  RetainedLog& add_log(SubscriptionId id, LogConfig config);
  void delete_log(SubscriptionId id);
  std::vector<QueuedMessage> add_deliveries(SubscriptionId to,
                                            const std::vector<QueuedMessage>& messages);
  absl::StatusOr<const RetainedLog*> snapshot_for(const Subscription& subscription,
                                                  const SeekTarget& target) const;
  std::vector<QueuedMessage> replayable(const Subscription& subscription, const SeekTarget& target,
                                        bool needs_filter) const;

  Catalog& catalog_;
  absl::flat_hash_map<SubscriptionId, std::unique_ptr<RetainedLog>> logs_;
  std::map<std::string, SubscriptionId, std::less<>> snapshot_ids_;
  std::vector<RecentSnapshot> recent_;
};

}  // namespace pollbus::broker
