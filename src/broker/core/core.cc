#include "broker/core/core.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "broker/core/batch_splitter.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

// How late retention and expiration may be noticed; they are counted in minutes and days.
constexpr std::chrono::seconds kSweepPeriod_s{10};

}  // namespace

absl::StatusOr<Publication> Core::route(const std::string& topic, const IncomingBatch& incoming) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return not_found(topic);
  Publication publication;
  BatchSplitter splitter(incoming, &publication);
  std::vector<SubscriptionId> matched;
  for (const Attributes& attributes : incoming.attributes) {
    matched.clear();
    found->second.index.match(attributes, &matched);
    splitter.add(matched);
  }
  splitter.flush();
  return publication;
}

void Core::enqueue(Publication publication) {
  for (RoutedBatch& routed : publication.batches) {
    Batch* const batch = batches_.add(std::move(routed.batch));
    // The batch lives on while it has a delivery ahead of it.
    std::vector<QueuedMessage> over;
    for (std::uint32_t position = 0, delivery = 0; position < routed.counts.size(); ++position) {
      for (std::uint32_t i = 0; i < routed.counts[position]; ++i, ++delivery) {
        const SubscriptionId id = routed.subscriptions[delivery];
        const QueuedMessage message{batch, position, delivery};
        if (Subscription* subscription = find(id)) {
          if (subscription->config.is_detached) {
            over.push_back(message);
            continue;
          }
          subscription->queue.push(message);
        } else if (RetainedLog* log = find_log(id)) {
          log->push(message);
        } else {
          over.push_back(message);  // deleted since it was routed
        }
      }
    }
    for (const QueuedMessage& message : over) batches_.abandon(message);
  }
}

absl::StatusOr<ConsumerHandle> Core::open_consumer(const std::string& subscription,
                                                   FlowLimits limits) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(subscription));
  if (find(id)->config.is_detached) return detached(subscription);
  const ConsumerId consumer = ++last_consumer_;
  find(id)->queue.open(consumer, limits);
  return ConsumerHandle{id, consumer};
}

void Core::close_consumer(ConsumerHandle handle) {
  if (Subscription* subscription = find(handle.subscription)) {
    subscription->queue.close(handle.consumer);
  }
}

void Core::wake_at(ConsumerHandle handle, SteadyTime at) { wakes_.push({at, handle}); }

absl::StatusOr<std::vector<Delivery>> Core::take(ConsumerHandle handle, std::size_t max_messages,
                                                 std::size_t max_bytes,
                                                 std::optional<std::chrono::seconds> lease,
                                                 SteadyTime now) {
  Subscription* subscription = find(handle.subscription);
  if (subscription == nullptr) return absl::NotFoundError("Subscription was deleted.");
  if (subscription->config.is_detached) return detached(subscription->config.name);
  std::vector<Delivery> deliveries =
      subscription->queue.take(handle.consumer, max_messages, max_bytes,
                               lease.value_or(subscription->config.ack_deadline), now);
  if (deliveries.empty()) return deliveries;
  schedule(handle.subscription, subscription);
  return deliveries;
}

void Core::give_back(ConsumerHandle handle, std::span<const Delivery> deliveries) {
  if (Subscription* subscription = find(handle.subscription)) {
    subscription->queue.give_back(deliveries);
  }
}

absl::Status Core::acknowledge(const std::string& subscription, std::span<const AckId> ids,
                               std::vector<AckOutcome>* outcomes) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(subscription));
  Subscription* found = find(id);
  if (!found->config.rules.is_exactly_once) outcomes = nullptr;
  found->queue.acknowledge(ids, outcomes);
  return absl::OkStatus();
}

absl::Status Core::modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                                   std::chrono::seconds lease, SteadyTime now,
                                   std::vector<AckOutcome>* outcomes) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(subscription));
  Subscription* found = find(id);
  if (!found->config.rules.is_exactly_once) outcomes = nullptr;
  found->queue.modify_deadline(ids, lease, now, outcomes);
  schedule(id, found);
  return absl::OkStatus();
}

SubscriptionProperties Core::properties(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  const DeliveryRules& rules = found->second->config.rules;
  return {.is_exactly_once = rules.is_exactly_once, .is_ordered = rules.is_ordered};
}

bool Core::is_exactly_once(const std::string& subscription) const {
  const auto found = subscription_ids_.find(subscription);
  return found != subscription_ids_.end() && properties(found->second).is_exactly_once;
}

void Core::schedule(SubscriptionId id, Subscription* subscription) {
  const std::optional<SteadyTime> next = subscription->queue.next_deadline();
  if (!next || (subscription->scheduled && *subscription->scheduled <= *next)) return;
  subscription->scheduled = next;
  deadlines_.push({*next, id});
}

void Core::advance(SteadyTime now, std::int64_t wall_us) {
  while (!deadlines_.empty() && deadlines_.top().at <= now) {
    const Deadline due = deadlines_.top();
    deadlines_.pop();
    Subscription* subscription = find(due.subscription);
    if (subscription == nullptr || subscription->scheduled != due.at) continue;
    subscription->scheduled.reset();
    subscription->queue.expire(now);
    schedule(due.subscription, subscription);
  }
  while (!wakes_.empty() && wakes_.top().at <= now) {
    requests_.woken.push_back(wakes_.top().handle.consumer);
    wakes_.pop();
  }
  if (!sweep_at_) sweep_at_ = now;
  if (*sweep_at_ > now) return;
  sweep_at_ = now + kSweepPeriod_s;
  sweep(wall_us);
}

std::optional<SteadyTime> Core::next_event() const {
  std::optional<SteadyTime> next;
  if (!deadlines_.empty()) next = deadlines_.top().at;
  if (!wakes_.empty() && (!next || wakes_.top().at < *next)) next = wakes_.top().at;
  const bool has_to_sweep = !subscriptions_.empty() || !logs_.empty();
  if (has_to_sweep && sweep_at_ && (!next || *sweep_at_ < *next)) next = sweep_at_;
  return next;
}

std::vector<ConsumerId> Core::take_woken() { return std::exchange(requests_.woken, {}); }

std::optional<Core::Report> Core::report(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return std::nullopt;
  const Subscription& subscription = *found->second;
  return Report{.name = &subscription.config.name,
                .counts = subscription.queue.counts(),
                .backlog = subscription.queue.backlog(),
                .leased = subscription.queue.leased(),
                .oldest_unacked_us = subscription.queue.oldest_published_us()};
}

std::vector<Core::Report> Core::reports(std::string_view after, std::size_t most) const {
  std::vector<Report> found;
  for (auto at = subscription_ids_.upper_bound(after);
       at != subscription_ids_.end() && found.size() < most; ++at) {
    found.push_back(*report(at->second));
  }
  return found;
}

std::size_t Core::scanned_conjunctions() const {
  std::size_t scanned = 0;
  for (const auto& [name, topic] : topics_) scanned += topic.index.scanned();
  return scanned;
}

}  // namespace pollbus::broker
