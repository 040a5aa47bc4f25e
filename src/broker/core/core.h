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
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/batches.h"
#include "broker/core/filter.h"
#include "broker/core/filter_index.h"
#include "broker/core/journal.h"
#include "broker/core/message.h"
#include "broker/core/subscription_queue.h"

namespace pollbus::broker {

// What a subscription names as its topic when that is gone, as the service has it.
constexpr std::string_view kDeletedTopic = "_deleted-topic_";

struct SubscriptionConfig {
  std::string name;   // projects/P/subscriptions/S
  std::string topic;  // projects/P/topics/T, or kDeletedTopic
  Filter filter;
  std::chrono::seconds ack_deadline{10};
  // The API's resource, serialized; the core keeps it and does not look into it.
  std::string resource;
};

struct Topic {
  std::string resource;  // as above
  FilterIndex index;
  std::set<std::string> subscriptions;
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
  // then batches in the order of their ids. Deliveries to subscriptions that are not there are
  // over. `states` has one for each delivery. `last` is the last id given out to a subscription.
  void restore_topic(const std::string& name, std::string resource);
  void restore_subscription(SubscriptionId id, SubscriptionConfig config);
  void restore_last_subscription(SubscriptionId last) {
    last_subscription_ = std::max(last_subscription_, last);
  }
  SubscriptionId last_subscription() const { return last_subscription_; }
  void restore_batch(RoutedBatch routed, std::span<const DeliveryState> states);

  absl::Status create_topic(const std::string& name, std::string resource);
  absl::Status update_topic(const std::string& name, std::string resource);
  absl::Status delete_topic(const std::string& name);
  // NOT_FOUND; the pointer is good until the next call.
  absl::StatusOr<const Topic*> topic(const std::string& name) const;
  const std::map<std::string, Topic, std::less<>>& topics() const { return topics_; }

  absl::Status create_subscription(SubscriptionConfig config);
  // `ack_deadline` and `resource` of an existing subscription.
  absl::Status update_subscription(const std::string& name, std::chrono::seconds ack_deadline,
                                   std::string resource);
  absl::Status delete_subscription(const std::string& name);
  absl::StatusOr<const SubscriptionConfig*> subscription(const std::string& name) const;
  const std::map<std::string, SubscriptionId, std::less<>>& subscriptions() const {
    return subscription_ids_;
  }

  // Matches the messages with the topic's subscriptions; enqueue() makes them available. The two
  // are apart so that the messages can be made durable in between.
  absl::StatusOr<Publication> route(const std::string& topic, const IncomingBatch& incoming);
  void enqueue(Publication publication);

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

  // Ids that are stale or of another subscription are passed over.
  absl::Status acknowledge(const std::string& subscription, std::span<const AckId> ids);
  absl::Status modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                               std::chrono::seconds lease, SteadyTime now);

  void advance(SteadyTime now);
  std::optional<SteadyTime> next_event() const;
  bool has_changed() const { return !changed_.empty(); }

  std::vector<ConsumerId> take_woken();

  // The subscriptions whose counts may have changed since the last call.
  std::vector<SubscriptionId> take_changed();
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
                 std::vector<ConsumerId>* woken)
        : config(std::move(its_config)), queue(id, batches, woken) {}

    SubscriptionConfig config;
    SubscriptionQueue queue;
    std::optional<SteadyTime> scheduled;  // its valid entry in deadlines_
    bool is_changed = false;
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

  Subscription& add_subscription(SubscriptionId id, SubscriptionConfig config);
  Filter effective_filter(const SubscriptionConfig& config) const;
  Subscription* find(SubscriptionId id);
  absl::StatusOr<SubscriptionId> id_of(const std::string& subscription) const;
  void changed(SubscriptionId id, Subscription* subscription);
  void schedule(SubscriptionId id, Subscription* subscription);

  CoreOptions options_;
  Journal* journal_;
  Batches batches_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::map<std::string, SubscriptionId, std::less<>> subscription_ids_;
  absl::flat_hash_map<SubscriptionId, std::unique_ptr<Subscription>> subscriptions_;
  SubscriptionId last_subscription_ = 0;
  ConsumerId last_consumer_ = 0;
  EarliestFirst<Deadline> deadlines_;
  EarliestFirst<Wake> wakes_;
  std::vector<ConsumerId> woken_;
  std::vector<SubscriptionId> changed_;
};

}  // namespace pollbus::broker
