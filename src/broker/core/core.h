#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/batches.h"
#include "broker/core/filter.h"
#include "broker/core/filter_index.h"
#include "broker/core/journal.h"
#include "broker/core/message.h"
#include "broker/core/retained_log.h"
#include "broker/core/subscription_queue.h"

namespace pollbus::broker {

// What a subscription names as its topic when that is gone, as the service has it.
constexpr std::string_view kDeletedTopic = "_deleted-topic_";
constexpr std::chrono::hours kMaxSnapshotAge{7 * 24};
constexpr std::chrono::hours kMinSnapshotLife{1};

struct SubscriptionConfig {
  std::string name;   // projects/P/subscriptions/S
  std::string topic;  // projects/P/topics/T, or kDeletedTopic
  Filter filter;
  std::chrono::seconds ack_deadline{10};
  // The API's resource, serialized; the core keeps it and does not look into it.
  std::string resource;
  DeliveryRules rules;
  std::string dead_letter_topic;                  // when rules.max_attempts is set
  std::chrono::seconds retention{7 * 24 * 3600};  // of messages that are not acked
  bool retains_acked = false;                     // these too
  bool is_detached = false;
  std::chrono::seconds expiration{0};  // it is deleted after so long without use; 0: never
  std::int64_t used_s = 0;             // since 1970, when it was last seen in use; the core's own
};

struct Topic {
  std::string resource;  // as above
  FilterIndex index;
  std::set<std::string> subscriptions;
  std::set<std::string> snapshots;
  SubscriptionId log = 0;  // 0: messages are not retained
};

// Where a subscription is to be set to.
struct SeekTarget {
  std::int64_t published_us = 0;  // messages published before are acked, others are not
  std::string snapshot;           // unless this is set: as they are there
};

// Messages that Seek may have delivered again, where the subscription's filter is to be asked
// first.
struct ReplayCandidates {
  Filter filter;
  std::vector<Delivery> messages;  // by batch
};

// A message that is for the dead-letter topic of its subscription.
struct DeadLetter {
  std::string subscription;
  std::string topic;
  SubscriptionId subscription_id = 0;
  Delivery message;
  std::int64_t published_us = 0;
};

// What a stream tells its client about the subscription.
struct SubscriptionProperties {
  bool is_exactly_once = false;
  bool is_ordered = false;
};

struct CoreOptions {
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  // Stores filters and delivers everything to everybody.
  bool ignore_filters = false;
  // Bodies of messages beyond this are dropped, to be read from the store when they are delivered.
  std::size_t max_cached_bytes = kUnlimited;
};

// A stream or a waiting pull of one subscription.
struct ConsumerHandle {
  SubscriptionId subscription = 0;
  ConsumerId consumer = 0;
};

// Topics, subscriptions and what is on its way between them: the state machine of the broker, with
// time as an argument and no I/O. Not thread-safe: the shell holds a lock around it. Errors carry
// the codes and texts of the service. After each call the shell drains take_woken(), whose
// consumers are then to take(), and sees that advance() is called at next_event().
class Core {
 public:
  // Borrows `journal`.
  Core(CoreOptions options, Journal* journal)
      : options_(options), journal_(journal), batches_(options.max_cached_bytes, journal) {}

  // What an earlier life has stored, into a core that is still empty: topics, then subscriptions,
  // then logs, then batches in the order of their ids. Deliveries to subscriptions and logs that
  // are not there are over. `states` has one for each delivery, those that were added last. `last`
  // is the last id given out to a subscription or log.
  void restore_topic(const std::string& name, std::string resource);
  void restore_subscription(SubscriptionId id, SubscriptionConfig config);
  void restore_log(SubscriptionId id, LogConfig config);
  void restore_last_subscription(SubscriptionId last) {
    last_subscription_ = std::max(last_subscription_, last);
  }
  SubscriptionId last_subscription() const { return last_subscription_; }
  void restore_batch(RoutedBatch routed, std::span<const DeliveryState> states);
  // When all is there: with exactly-once delivery the leases of the earlier life go on for one more
  // ack deadline, so that the acks of whoever holds them count.
  void resume_leases(SteadyTime now);

  // `retention` 0: messages are not kept for the topic's sake.
  absl::Status create_topic(const std::string& name, std::string resource,
                            std::chrono::seconds retention = {});
  absl::Status update_topic(const std::string& name, std::string resource,
                            std::chrono::seconds retention = {});
  absl::Status delete_topic(const std::string& name);
  // NOT_FOUND; the pointer is good until the next call.
  absl::StatusOr<const Topic*> topic(const std::string& name) const;
  const std::map<std::string, Topic, std::less<>>& topics() const { return topics_; }

  absl::Status create_subscription(SubscriptionConfig config);
  // All but name, topic, filter and order of an existing subscription.
  absl::Status update_subscription(SubscriptionConfig config);
  absl::Status delete_subscription(const std::string& name);
  // It keeps its name, and gets and delivers nothing any more.
  absl::Status detach_subscription(const std::string& name);
  // 0 without.
  std::chrono::seconds topic_retention(const std::string& topic) const;
  absl::StatusOr<const SubscriptionConfig*> subscription(const std::string& name) const;
  const std::map<std::string, SubscriptionId, std::less<>>& subscriptions() const {
    return subscription_ids_;
  }

  // What is not acked now, and all that is published from now on. FAILED_PRECONDITION when it would
  // expire too soon. `now` is in microseconds since 1970.
  absl::Status create_snapshot(const std::string& name, const std::string& subscription,
                               std::string resource, std::int64_t now_us);
  absl::Status update_snapshot(const std::string& name, std::int64_t expires_us,
                               std::string resource);
  absl::Status delete_snapshot(const std::string& name);
  absl::StatusOr<const LogConfig*> snapshot(const std::string& name) const;
  const std::map<std::string, SubscriptionId, std::less<>>& snapshots() const {
    return snapshot_ids_;
  }
  // Which messages seek() wants the filter's answer for. Mostly none.
  absl::StatusOr<ReplayCandidates> replay_candidates(const std::string& subscription,
                                                     const SeekTarget& target);
  // `let_through` are those candidates that the filter lets through.
  absl::Status seek(const std::string& subscription, const SeekTarget& target,
                    const absl::flat_hash_set<MessageId>& let_through);

  // Matches the messages with the topic's subscriptions; enqueue() makes them available. The two
  // are apart so that the messages can be made durable in between.
  absl::StatusOr<Publication> route(const std::string& topic, const IncomingBatch& incoming);
  void enqueue(Publication publication);

  // Messages that have used up their attempts, at most so many. What becomes of each is one of:
  // bury(), which routes the message as the dead-letter topic is to get it and notes the source as
  // over, then buried() when both are durable, or exhume() when they are not; or exhume() at once.
  // It answers NOT_FOUND, and the message is delivered again, when the topic is gone.
  std::vector<DeadLetter> take_dead_letters(std::size_t most);
  bool has_dead_letters() const { return !requests_.dead.empty(); }
  absl::StatusOr<Publication> bury(const DeadLetter& letter, const IncomingBatch& incoming);
  void buried(const DeadLetter& letter);
  void exhume(const DeadLetter& letter);

  absl::StatusOr<ConsumerHandle> open_consumer(const std::string& subscription, FlowLimits limits);
  void close_consumer(ConsumerHandle handle);
  // Wakes the consumer at `at` if it is still open then: the end of a pull's patience.
  void wake_at(ConsumerHandle handle, SteadyTime at);

  // See SubscriptionQueue::take(); without `lease` the subscription's ack deadline holds. NOT_FOUND
  // when the subscription was deleted.
  absl::StatusOr<std::vector<Delivery>> take(ConsumerHandle handle, std::size_t max_messages,
                                             std::size_t max_bytes,
                                             std::optional<std::chrono::seconds> lease,
                                             SteadyTime now);

  // Takes back deliveries whose bodies could not be read; their attempts do not count.
  void give_back(ConsumerHandle handle, std::span<const Delivery> deliveries);
  // Keeps a body that was read from the store, as long as there is room.
  void keep_body(MessageId batch, Body body) { batches_.keep_body(batch, std::move(body)); }
  std::size_t cached_bytes() const { return batches_.cached_bytes(); }

  // Ids that are stale or of another subscription are passed over; `outcomes` tells of each, with
  // exactly-once delivery.
  absl::Status acknowledge(const std::string& subscription, std::span<const AckId> ids,
                           std::vector<AckOutcome>* outcomes = nullptr);
  absl::Status modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                               std::chrono::seconds lease, SteadyTime now,
                               std::vector<AckOutcome>* outcomes = nullptr);
  SubscriptionProperties properties(SubscriptionId id) const;
  bool is_exactly_once(const std::string& subscription) const;

  // Ends leases, and now and then drops what has been retained long enough and deletes what has
  // expired. `wall_us` are microseconds since 1970.
  void advance(SteadyTime now, std::int64_t wall_us);
  std::optional<SteadyTime> next_event() const;

  std::vector<ConsumerId> take_woken();

  struct Report {
    const std::string* name;
    SubscriptionCounts counts;
    std::size_t backlog;
    std::size_t leased;
    std::optional<std::int64_t> oldest_unacked_us;  // since 1970, when it was published
  };
  // std::nullopt when it was deleted. Good until the next call.
  std::optional<Report> report(SubscriptionId id) const;
  // Of the subscriptions whose names come after this one, in their order, at most so many.
  std::vector<Report> reports(std::string_view after, std::size_t most) const;
  std::size_t scanned_conjunctions() const;

 private:
  struct Subscription {
    Subscription(SubscriptionId id, SubscriptionConfig its_config, Batches* batches,
                 QueueRequests* requests)
        : config(std::move(its_config)), queue(id, config.rules, batches, requests) {}
    // Grows with every use.
    std::uint64_t uses() const {
      return updates + queue.counts().delivered + queue.counts().acked + queue.counts().nacked;
    }

    SubscriptionConfig config;
    SubscriptionQueue queue;
    std::optional<SteadyTime> scheduled;  // its valid entry in deadlines_
    SubscriptionId log = 0;               // of what it retains after acks; 0: nothing
    std::uint64_t updates = 0;
    std::uint64_t uses_seen = 0;
  };
  struct Deadline {
    SteadyTime at;
    SubscriptionId subscription;
    bool operator>(const Deadline& other) const { return at > other.at; }
  };
  struct Wake {
    SteadyTime at;
    ConsumerHandle handle;
    bool operator>(const Wake& other) const { return at > other.at; }
  };
  template <typename Event>
  using EarliestFirst = std::priority_queue<Event, std::vector<Event>, std::greater<>>;

  // core_resources.cc
  Subscription& add_subscription(SubscriptionId id, SubscriptionConfig config);
  void leave_topic(SubscriptionId id, const Subscription& subscription);
  void keep_acked(Subscription* subscription);
  // core_retention.cc
  SubscriptionId create_log(LogConfig config);
  RetainedLog& add_log(SubscriptionId id, LogConfig config);
  void delete_log(SubscriptionId id);
  RetainedLog* find_log(SubscriptionId id) const;
  void retain(const std::string& topic, std::chrono::seconds retention);
  std::vector<QueuedMessage> add_to(SubscriptionId id, const std::vector<QueuedMessage>& messages);
  absl::StatusOr<const RetainedLog*> snapshot_for(const Subscription& subscription,
                                                  const SeekTarget& target) const;
  std::vector<QueuedMessage> replayable(const Subscription& subscription, const SeekTarget& target,
                                        bool is_to_be_asked) const;
  void sweep(std::int64_t wall_us);
  void expire_resources(std::int64_t wall_us);
  Filter effective_filter(const Filter& filter) const;
  Subscription* find(SubscriptionId id);
  absl::StatusOr<SubscriptionId> id_of(const std::string& subscription) const;
  void schedule(SubscriptionId id, Subscription* subscription);

  CoreOptions options_;
  Journal* journal_;
  Batches batches_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::map<std::string, SubscriptionId, std::less<>> subscription_ids_;
  absl::flat_hash_map<SubscriptionId, std::unique_ptr<Subscription>> subscriptions_;
  absl::flat_hash_map<SubscriptionId, std::unique_ptr<RetainedLog>> logs_;
  std::map<std::string, SubscriptionId, std::less<>> snapshot_ids_;
  SubscriptionId last_subscription_ = 0;  // or log: these share their ids
  std::optional<SteadyTime> sweep_at_;
  ConsumerId last_consumer_ = 0;
  EarliestFirst<Deadline> deadlines_;
  EarliestFirst<Wake> wakes_;
  QueueRequests requests_;
};

}  // namespace pollbus::broker
