#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "broker/core/batches.h"
#include "broker/core/core_observer.h"
#include "broker/core/filter_index.h"
#include "broker/core/subscription.h"

namespace pollbus::broker {

// Bounds on what clients can create. Google allows 10,000 topics, 10,000 subscriptions and 5,000
// snapshots in a project (https://cloud.google.com/pubsub/quotas); these are for the whole broker,
// with room for one subscription for each of many voting machines.
constexpr std::size_t kMaxTopics = 10'000;
constexpr std::size_t kMaxSubscriptions = 100'000;
constexpr std::size_t kMaxSnapshots = 5'000;
// The serialized resource of a topic, subscription or snapshot. Google's limits on labels, filters
// and push attributes add up to less.
constexpr std::size_t kMaxResourceBytes = 256 << 10;
// Every publish to a topic evaluates the topic's filters that cannot be indexed.
constexpr std::size_t kMaxScannedConjunctions = 1'000;

// After a start, or after the wall clock was set, clients have this long to come back before
// retention and expiration delete anything.
constexpr std::chrono::hours kReturnGrace{1};

struct CoreOptions {
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  // Stores filters but delivers every message to every subscription.
  bool ignore_filters = false;
  // The oldest message bodies beyond this size are dropped from memory and read from the store when
  // they are delivered.
  std::size_t max_cached_bytes = kUnlimited;
  std::chrono::seconds return_grace = kReturnGrace;
  std::size_t max_topics = kMaxTopics;
  std::size_t max_subscriptions = kMaxSubscriptions;
  std::size_t max_snapshots = kMaxSnapshots;
  std::size_t max_scanned_conjunctions = kMaxScannedConjunctions;
};

struct Topic {
  std::string resource;  // the serialized Topic of the API; opaque to the core
  FilterIndex index;
  std::set<std::string> subscriptions;
  std::set<std::string> snapshots;
  SubscriptionId log = 0;  // the log of retained messages; 0: none
};

// The topics and subscriptions, by name and by id, with their messages: the data on which Core and
// Retention work. Not thread-safe.
struct Catalog {
  // Borrows `its_observer`.
  Catalog(const CoreOptions& its_options, CoreObserver* its_observer)
      : options(its_options),
        observer(its_observer),
        batches(its_options.max_cached_bytes, its_observer) {}

  // nullptr when there is none.
  Topic* find_topic(const std::string& name);
  const Topic* find_topic(const std::string& name) const;
  Subscription* find(SubscriptionId id);
  const Subscription* find(SubscriptionId id) const;
  absl::StatusOr<SubscriptionId> id_of(const std::string& subscription) const;
  // The filter that decides what a subscription gets.
  Filter effective_filter(const Filter& filter) const {
    return options.ignore_filters ? Filter() : filter;
  }
  // RESOURCE_EXHAUSTED when the topic has too many filters that cannot be indexed to take this one.
  absl::Status check_room_for(const Filter& filter, const Topic& topic) const;

  const CoreOptions options;
  CoreObserver* const observer;
  Batches batches;
  std::map<std::string, Topic, std::less<>> topics;
  std::map<std::string, std::string, std::less<>> schemas;
  std::map<std::string, SubscriptionId, std::less<>> subscription_ids;
  absl::flat_hash_map<SubscriptionId, std::unique_ptr<Subscription>> subscriptions;
  SubscriptionId last_id = 0;  // subscriptions and logs share their ids
  QueueRequests requests;
  std::uint64_t publications = 0;  // the number of the last one that was routed
};

// RESOURCE_EXHAUSTED when `count` has reached `most`; `what` is in the plural.
absl::Status check_room(std::size_t count, std::size_t most, std::string_view what);
// INVALID_ARGUMENT when the serialized resource is larger than kMaxResourceBytes.
absl::Status check_resource_size(std::string_view resource);

}  // namespace pollbus::broker
