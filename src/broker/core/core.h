#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/catalog.h"
#include "broker/core/core_observer.h"
#include "broker/core/message.h"
#include "broker/core/publication.h"
#include "broker/core/retention.h"

namespace pollbus::broker {

// A message that has used up its delivery attempts and is for the dead-letter topic.
struct DeadLetter {
  std::string subscription;
  std::string topic;
  SubscriptionId subscription_id = 0;
  Delivery message;
  std::int64_t published_us = 0;
};

// A message of a backlog, which stays as it is.
struct PeekedMessage {
  Delivery message;  // its `attempt` says how often the message was delivered
  bool is_leased = false;
};

// The properties of a subscription that a stream reports to its client.
struct SubscriptionProperties {
  bool is_exactly_once = false;
  bool is_ordered = false;
};

// A stream or a waiting pull of one subscription.
struct ConsumerHandle {
  SubscriptionId subscription = 0;
  ConsumerId consumer = 0;
};

// The broker's state machine: topics, subscriptions and the messages in between, with time as an
// argument and without I/O. Errors have the codes and texts of Google's service. Not thread-safe:
// the caller holds a lock around it. After each call the caller must let the consumers that
// take_woken() names call take(), and call advance() when the time of next_event() has come.
class Core {
 public:
  // Borrows `observer`.
  Core(CoreOptions options, CoreObserver* observer)
      : catalog_(options, observer), retention_(&catalog_) {}

  // Restoring what an earlier process stored, into an empty core and in this order: the start,
  // topics, subscriptions, logs, the last id, batches by id. `start` counts the processes that have
  // used the data, `last` is the last id given to a subscription or log. `states` has one entry for
  // each delivery of the batch, added ones last. Deliveries to missing subscriptions are over.
  void restore_start(std::uint32_t start) { start_ = start; }
  void restore_topic(const std::string& name, std::string resource);
  void restore_subscription(SubscriptionId id, SubscriptionConfig config);
  void restore_log(SubscriptionId id, LogConfig config) {
    retention_.restore_log(id, std::move(config));
  }
  void restore_last_subscription(SubscriptionId last) {
    catalog_.last_id = std::max(catalog_.last_id, last);
  }
  void restore_batch(RoutedBatch routed, std::span<const DeliveryState> states);
  // Called once after restoring. See SubscriptionQueue::resume().
  void resume(SteadyTime now);
  SubscriptionId last_subscription() const { return catalog_.last_id; }

  // The topic keeps messages for `retention` so that Seek can replay them; 0: it keeps none.
  absl::Status create_topic(const std::string& name, std::string resource,
                            std::chrono::seconds retention = {});
  absl::Status update_topic(const std::string& name, std::string resource,
                            std::chrono::seconds retention = {});
  absl::Status delete_topic(const std::string& name);
  // NOT_FOUND; the pointer is valid until the next call.
  absl::StatusOr<const Topic*> topic(const std::string& name) const;
  const std::map<std::string, Topic, std::less<>>& topics() const { return catalog_.topics; }

  // Schemas with all their revisions, serialized. They are opaque to the core.
  void restore_schema(const std::string& name, std::string resource) {
    catalog_.schemas[name] = std::move(resource);
  }
  void store_schema(const std::string& name, std::string resource);
  void delete_schema(const std::string& name);
  const std::map<std::string, std::string, std::less<>>& schemas() const {
    return catalog_.schemas;
  }

  absl::Status create_subscription(SubscriptionConfig config);
  // Changes everything but name, topic, filter and ordering.
  absl::Status update_subscription(SubscriptionConfig config);
  absl::Status delete_subscription(const std::string& name);
  // The subscription keeps its name but loses its backlog and gets no more messages.
  absl::Status detach_subscription(const std::string& name);
  // NOT_FOUND; the pointer is valid until the next call.
  absl::StatusOr<const SubscriptionConfig*> subscription(const std::string& name) const;
  const std::map<std::string, SubscriptionId, std::less<>>& subscriptions() const {
    return catalog_.subscription_ids;
  }

  // Snapshots, Seek, and how long topics retain messages.
  Retention& retention() { return retention_; }
  const Retention& retention() const { return retention_; }

  // Publishing in two steps: route() finds the subscriptions of each message, enqueue() makes the
  // messages available after the caller has stored them. enqueue() returns true when it has added a
  // message to a snapshot, so that the publish may be answered only after those changes, which the
  // observer was told, are stored too.
  absl::StatusOr<Publication> route(const std::string& topic, const IncomingBatch& incoming);
  [[nodiscard]] bool enqueue(Publication publication);

  // Returns at most `most` dead letters. Each must be followed by bury() or exhume(). bury() routes
  // the message to the dead-letter topic and marks the original as over; when both are stored the
  // caller calls buried(), and exhume() if storing failed. When bury() itself returns an error,
  // nothing is left to do: the letter is gone, or is delivered again because its topic is missing.
  std::vector<DeadLetter> take_dead_letters(std::size_t most);
  bool has_dead_letters() const { return !catalog_.requests.dead.empty(); }
  absl::StatusOr<Publication> bury(const DeadLetter& letter, const IncomingBatch& incoming);
  void buried(const DeadLetter& letter);
  void exhume(const DeadLetter& letter);

  absl::StatusOr<ConsumerHandle> open_consumer(const std::string& subscription, FlowLimits limits);
  void close_consumer(ConsumerHandle handle, Closing closing = Closing::kAnswered);
  // Wakes the consumer at `at` if it still exists then.
  void wake_at(ConsumerHandle handle, SteadyTime at);

  // See SubscriptionQueue::take(). Without `lease` the subscription's ack deadline applies.
  // NOT_FOUND when the subscription was deleted.
  absl::StatusOr<std::vector<Delivery>> take(ConsumerHandle handle, std::size_t max_messages,
                                             std::size_t max_bytes,
                                             std::optional<std::chrono::seconds> lease,
                                             SteadyTime now);
  // Takes back deliveries whose bodies could not be read; their attempts do not count.
  void give_back(ConsumerHandle handle, std::span<const Delivery> deliveries);
  // Caches a body that was read from the store.
  void keep_body(MessageId batch, Body body) { catalog_.batches.keep_body(batch, std::move(body)); }
  std::size_t cached_bytes() const { return catalog_.batches.cached_bytes(); }

  // Ids that are stale or belong to another subscription are ignored. `outcomes` gets one entry for
  // each id, but only from a subscription with exactly-once delivery.
  absl::Status acknowledge(const std::string& subscription, std::span<const AckId> ids,
                           std::vector<AckOutcome>* outcomes = nullptr);
  absl::Status modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                               std::chrono::seconds lease, SteadyTime now,
                               std::vector<AckOutcome>* outcomes = nullptr);
  SubscriptionProperties properties(SubscriptionId id) const;
  bool is_exactly_once(const std::string& subscription) const;

  // Ends leases and, every few seconds, removes what retention and expiration allow to remove; see
  // kReturnGrace. `wall_us` is the wall-clock time in microseconds since 1970.
  void advance(SteadyTime now, std::int64_t wall_us);
  std::optional<SteadyTime> next_event() const;
  std::vector<ConsumerId> take_woken();
  // What advance() has removed since the last call.
  std::vector<Removal> take_removals() { return std::exchange(removals_, {}); }

  // The oldest messages that the subscription has not acked, at most `most`, without leasing them.
  // Scans the backlog.
  absl::StatusOr<std::vector<PeekedMessage>> peek(const std::string& subscription,
                                                  std::size_t most) const;

  struct Report {
    const std::string* name;
    SubscriptionCounts counts;
    std::size_t backlog;
    std::size_t leased;
    std::optional<std::int64_t> oldest_unacked_us;  // publish time since 1970
  };
  // std::nullopt for a deleted subscription. Valid until the next call.
  std::optional<Report> report(SubscriptionId id) const;
  // At most `most` reports, by name, of the subscriptions whose names come after `after`.
  std::vector<Report> reports(std::string_view after, std::size_t most) const;
  // The number of conjunctions in filters that every publish to their topic evaluates.
  std::size_t scanned_conjunctions() const;

 private:
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
  // When the clocks were last read.
  struct ClockReading {
    SteadyTime steady;
    std::int64_t wall_us = 0;
  };
  template <typename Event>
  using EarliestFirst = std::priority_queue<Event, std::vector<Event>, std::greater<>>;

  // core_resources.cc
  Subscription& add_subscription(SubscriptionId id, SubscriptionConfig config);
  void leave_topic(SubscriptionId id, const Subscription& subscription);
  // core.cc
  bool enqueue(RoutedBatch routed, std::uint64_t publication);
  void schedule(SubscriptionId id, Subscription* subscription);
  void sweep_when_due(SteadyTime now, std::int64_t wall_us);
  void sweep(std::int64_t wall_us);

  Catalog catalog_;
  Retention retention_;
  std::uint32_t start_ = 0;
  std::optional<ClockReading> clocks_;
  SteadyTime grace_ends_;
  std::vector<Removal> removals_;
  ConsumerId last_consumer_ = 0;
  EarliestFirst<Deadline> deadlines_;
  EarliestFirst<Wake> wakes_;
};

}  // namespace pollbus::broker
