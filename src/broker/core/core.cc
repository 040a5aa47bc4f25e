#include "broker/core/core.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "broker/core/batch_splitter.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

// Retention and expiration are counted in minutes and days; this is how late they may be noticed.
constexpr std::chrono::seconds kSweepPeriod{10};
// A larger difference between what the wall clock and the steady clock measured, or between two
// looks at the clocks, means that the wall clock was set or that the process was stalled.
constexpr std::chrono::minutes kMaxClockDrift{1};

}  // namespace

absl::StatusOr<Publication> Core::route(const std::string& topic, const IncomingBatch& incoming) {
  Topic* const found = catalog_.find_topic(topic);
  if (found == nullptr) return not_found(topic);
  Publication publication{.batches = {}, .number = ++catalog_.publications};
  BatchSplitter splitter(incoming, &publication);
  std::vector<SubscriptionId> matched;
  for (const Attributes& attributes : incoming.attributes) {
    matched.clear();
    found->index.match(attributes, &matched);
    splitter.add(matched);
  }
  splitter.flush();
  return publication;
}

bool Core::enqueue(Publication publication) {
  bool is_in_snapshot = false;
  for (RoutedBatch& routed : publication.batches) {
    is_in_snapshot |= enqueue(std::move(routed), publication.number);
  }
  return is_in_snapshot;
}

bool Core::enqueue(RoutedBatch routed, std::uint64_t publication) {
  Batch* const batch = catalog_.batches.add(std::move(routed.batch));
  const bool may_be_in_snapshot = retention_.has_snapshot_since(publication);
  bool is_in_snapshot = false;
  // The batch exists as long as one of its deliveries is not over, so these end last.
  std::vector<QueuedMessage> over;
  for (std::uint32_t position = 0, delivery = 0; position < routed.counts.size(); ++position) {
    for (std::uint32_t i = 0; i < routed.counts[position]; ++i, ++delivery) {
      const SubscriptionId id = routed.subscriptions[delivery];
      const QueuedMessage message{batch, position, delivery};
      if (may_be_in_snapshot) {
        is_in_snapshot |= retention_.add_to_later_snapshots(publication, id, message);
      }
      Subscription* const subscription = catalog_.find(id);
      if (subscription != nullptr && !subscription->config.is_detached) {
        subscription->queue.push(message);
      } else if (RetainedLog* log = retention_.find_log(id)) {
        log->push(message);
      } else {
        over.push_back(message);  // the subscription was deleted or detached after routing
      }
    }
  }
  for (const QueuedMessage& message : over) catalog_.batches.abandon(message);
  return is_in_snapshot;
}

absl::StatusOr<ConsumerHandle> Core::open_consumer(const std::string& subscription,
                                                   FlowLimits limits) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(subscription));
  if (catalog_.find(id)->config.is_detached) return detached(subscription);
  const ConsumerId consumer = ++last_consumer_;
  catalog_.find(id)->queue.open(consumer, limits);
  return ConsumerHandle{id, consumer};
}

void Core::close_consumer(ConsumerHandle handle, Closing closing) {
  if (Subscription* subscription = catalog_.find(handle.subscription)) {
    subscription->queue.close(handle.consumer, closing);
  }
}

void Core::wake_at(ConsumerHandle handle, SteadyTime at) { wakes_.push({at, handle}); }

absl::StatusOr<std::vector<Delivery>> Core::take(ConsumerHandle handle, std::size_t max_messages,
                                                 std::size_t max_bytes,
                                                 std::optional<std::chrono::seconds> lease,
                                                 SteadyTime now) {
  Subscription* subscription = catalog_.find(handle.subscription);
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
  if (Subscription* subscription = catalog_.find(handle.subscription)) {
    subscription->queue.give_back(deliveries);
  }
}

absl::Status Core::acknowledge(const std::string& subscription, std::span<const AckId> ids,
                               std::vector<AckOutcome>* outcomes) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(subscription));
  Subscription* found = catalog_.find(id);
  if (!found->config.rules.is_exactly_once) outcomes = nullptr;
  found->queue.acknowledge(ids, outcomes);
  return absl::OkStatus();
}

absl::Status Core::modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                                   std::chrono::seconds lease, SteadyTime now,
                                   std::vector<AckOutcome>* outcomes) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(subscription));
  Subscription* found = catalog_.find(id);
  if (!found->config.rules.is_exactly_once) outcomes = nullptr;
  found->queue.modify_deadline(ids, lease, now, outcomes);
  schedule(id, found);
  return absl::OkStatus();
}

SubscriptionProperties Core::properties(SubscriptionId id) const {
  const Subscription* found = catalog_.find(id);
  if (found == nullptr) return {};
  const DeliveryRules& rules = found->config.rules;
  return {.is_exactly_once = rules.is_exactly_once, .is_ordered = rules.is_ordered};
}

bool Core::is_exactly_once(const std::string& subscription) const {
  const auto found = catalog_.subscription_ids.find(subscription);
  return found != catalog_.subscription_ids.end() && properties(found->second).is_exactly_once;
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
    Subscription* subscription = catalog_.find(due.subscription);
    if (subscription == nullptr || subscription->scheduled != due.at) continue;
    subscription->scheduled.reset();
    subscription->queue.expire(now);
    schedule(due.subscription, subscription);
  }
  while (!wakes_.empty() && wakes_.top().at <= now) {
    catalog_.requests.woken.push_back(wakes_.top().handle.consumer);
    wakes_.pop();
  }
  sweep_when_due(now, wall_us);
}

void Core::sweep_when_due(SteadyTime now, std::int64_t wall_us) {
  if (!clocks_) {
    grace_ends_ = now + catalog_.options.return_grace;
  } else {
    if (now < clocks_->steady + kSweepPeriod) return;
    const auto elapsed = now - clocks_->steady;
    const auto drift = std::chrono::microseconds(wall_us - clocks_->wall_us) - elapsed;
    if (elapsed > kMaxClockDrift || std::chrono::abs(drift) > kMaxClockDrift) {
      grace_ends_ = now + catalog_.options.return_grace;
    }
  }
  clocks_ = ClockReading{now, wall_us};
  if (now >= grace_ends_) sweep(wall_us);
}

void Core::sweep(std::int64_t wall_us) {
  retention_.drop_expired(wall_us, &removals_);
  for (const std::string& name : retention_.unused_subscriptions(wall_us)) {
    const std::size_t backlog = catalog_.find(*catalog_.id_of(name))->queue.backlog();
    delete_subscription(name).IgnoreError();  // it exists
    removals_.push_back({Removal::Kind::kSubscription, name, backlog});
  }
}

std::optional<SteadyTime> Core::next_event() const {
  std::optional<SteadyTime> next;
  if (!deadlines_.empty()) next = deadlines_.top().at;
  if (!wakes_.empty() && (!next || wakes_.top().at < *next)) next = wakes_.top().at;
  const bool has_to_sweep = !catalog_.subscriptions.empty() || retention_.has_logs();
  if (!has_to_sweep || !clocks_) return next;
  const SteadyTime sweep_at = clocks_->steady + kSweepPeriod;
  return std::min(next.value_or(sweep_at), sweep_at);
}

std::vector<ConsumerId> Core::take_woken() { return std::exchange(catalog_.requests.woken, {}); }

absl::StatusOr<std::vector<PeekedMessage>> Core::peek(const std::string& subscription,
                                                      std::size_t most) const {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(subscription));
  const SubscriptionQueue& queue = catalog_.find(id)->queue;
  std::vector<PeekedMessage> peeked;
  for (const QueuedMessage& message : queue.oldest(most)) {
    // On its way to the dead-letter topic.
    if (message.batch->state(message.delivery) == kDone) continue;
    PeekedMessage& each = peeked.emplace_back();
    each.message.id = message.id();
    each.message.attempt = message.batch->state(message.delivery);
    each.message.batch = message.batch->first_id();
    each.message.begin = message.batch->begin(message.position);
    each.message.bytes = message.bytes();
    each.message.body = message.batch->body();
    each.is_leased = queue.is_leased(message.id());
  }
  return peeked;
}

std::optional<Core::Report> Core::report(SubscriptionId id) const {
  const Subscription* found = catalog_.find(id);
  if (found == nullptr) return std::nullopt;
  const Subscription& subscription = *found;
  return Report{.name = &subscription.config.name,
                .counts = subscription.queue.counts(),
                .backlog = subscription.queue.backlog(),
                .leased = subscription.queue.leased(),
                .oldest_unacked_us = subscription.queue.oldest_published_us()};
}

std::vector<Core::Report> Core::reports(std::string_view after, std::size_t most) const {
  std::vector<Report> found;
  for (auto at = catalog_.subscription_ids.upper_bound(after);
       at != catalog_.subscription_ids.end() && found.size() < most; ++at) {
    found.push_back(*report(at->second));
  }
  return found;
}

std::size_t Core::scanned_conjunctions() const {
  std::size_t scanned = 0;
  for (const auto& [name, topic] : catalog_.topics) scanned += topic.index.scanned();
  return scanned;
}

}  // namespace pollbus::broker
