#include "broker/core/core.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "broker/core/batch_splitter.h"
#include "broker/core/names.h"

namespace pollbus::broker {

absl::Status Core::create_topic(const std::string& name, std::string resource) {
  const auto [found, is_new] = topics_.try_emplace(name);
  if (!is_new) return already_exists(name);
  found->second.resource = std::move(resource);
  journal_->topic_stored(name, found->second.resource);
  return absl::OkStatus();
}

absl::Status Core::update_topic(const std::string& name, std::string resource) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return not_found(name);
  found->second.resource = std::move(resource);
  journal_->topic_stored(name, found->second.resource);
  return absl::OkStatus();
}

absl::Status Core::delete_topic(const std::string& name) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return not_found(name);
  for (const std::string& subscription : found->second.subscriptions) {
    const SubscriptionId id = subscription_ids_.find(subscription)->second;
    SubscriptionConfig& config = find(id)->config;
    config.topic = kDeletedTopic;
    journal_->subscription_stored(id, config);
  }
  topics_.erase(found);
  journal_->topic_deleted(name);
  return absl::OkStatus();
}

absl::StatusOr<const Topic*> Core::topic(const std::string& name) const {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return not_found(name);
  return &found->second;
}

Filter Core::effective_filter(const SubscriptionConfig& config) const {
  return options_.ignore_filters ? Filter() : config.filter;
}

absl::Status Core::create_subscription(SubscriptionConfig config) {
  if (subscription_ids_.contains(config.name)) return already_exists(config.name);
  const auto topic = topics_.find(config.topic);
  if (topic == topics_.end()) return not_found(config.topic);
  const SubscriptionId id = ++last_subscription_;
  journal_->subscription_stored(id, add_subscription(id, std::move(config)).config);
  return absl::OkStatus();
}

Core::Subscription& Core::add_subscription(SubscriptionId id, SubscriptionConfig config) {
  if (const auto topic = topics_.find(config.topic); topic != topics_.end()) {
    topic->second.index.add(id, effective_filter(config));
    topic->second.subscriptions.insert(config.name);
  }
  subscription_ids_.emplace(config.name, id);
  auto& added = subscriptions_[id];
  added = std::make_unique<Subscription>(id, std::move(config), &batches_, &woken_);
  changed(id, added.get());
  return *added;
}

void Core::restore_topic(const std::string& name, std::string resource) {
  topics_[name].resource = std::move(resource);
}

void Core::restore_subscription(SubscriptionId id, SubscriptionConfig config) {
  add_subscription(id, std::move(config));
  last_subscription_ = std::max(last_subscription_, id);
}

void Core::restore_batch(RoutedBatch routed, std::span<const DeliveryState> states) {
  Batch* const batch = batches_.add(std::move(routed.batch));
  for (std::uint32_t i = 0; i < states.size(); ++i) batch->set_state(i, states[i]);
  std::vector<QueuedMessage> over;
  for (std::uint32_t position = 0, delivery = 0; position < routed.counts.size(); ++position) {
    for (std::uint32_t i = 0; i < routed.counts[position]; ++i, ++delivery) {
      const QueuedMessage message{batch, position, delivery};
      Subscription* subscription = find(routed.subscriptions[delivery]);
      if (subscription == nullptr || batch->state(delivery) == kDone) {
        over.push_back(message);
      } else {
        subscription->queue.restore(message);
      }
    }
  }
  for (const QueuedMessage& message : over) batches_.abandon(message);
}

absl::Status Core::update_subscription(const std::string& name, std::chrono::seconds ack_deadline,
                                       std::string resource) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  SubscriptionConfig& config = find(id)->config;
  config.ack_deadline = ack_deadline;
  config.resource = std::move(resource);
  journal_->subscription_stored(id, config);
  return absl::OkStatus();
}

absl::Status Core::delete_subscription(const std::string& name) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  Subscription& subscription = *find(id);
  if (const auto topic = topics_.find(subscription.config.topic); topic != topics_.end()) {
    topic->second.index.remove(id, effective_filter(subscription.config));
    topic->second.subscriptions.erase(name);
  }
  // They learn from their next take() that it is gone.
  std::ranges::copy(subscription.queue.consumers(), std::back_inserter(woken_));
  subscription.queue.abandon_all();
  changed_.push_back(id);
  subscription_ids_.erase(name);
  subscriptions_.erase(id);
  journal_->subscription_deleted(id);
  return absl::OkStatus();
}

absl::StatusOr<const SubscriptionConfig*> Core::subscription(const std::string& name) const {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  return &subscriptions_.find(id)->second->config;
}

absl::StatusOr<SubscriptionId> Core::id_of(const std::string& subscription) const {
  const auto found = subscription_ids_.find(subscription);
  if (found == subscription_ids_.end()) return not_found(subscription);
  return found->second;
}

Core::Subscription* Core::find(SubscriptionId id) {
  const auto found = subscriptions_.find(id);
  return found == subscriptions_.end() ? nullptr : found->second.get();
}

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
          subscription->queue.push(message);
          changed(id, subscription);
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
  std::vector<Delivery> deliveries =
      subscription->queue.take(handle.consumer, max_messages, max_bytes,
                               lease.value_or(subscription->config.ack_deadline), now);
  if (deliveries.empty()) return deliveries;
  changed(handle.subscription, subscription);
  schedule(handle.subscription, subscription);
  return deliveries;
}

void Core::give_back(ConsumerHandle handle, std::span<const Delivery> deliveries) {
  if (Subscription* subscription = find(handle.subscription)) {
    subscription->queue.give_back(deliveries);
    changed(handle.subscription, subscription);
  }
}

absl::Status Core::acknowledge(const std::string& subscription, std::span<const AckId> ids) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(subscription));
  Subscription* found = find(id);
  if (found->queue.acknowledge(ids) > 0) changed(id, found);
  return absl::OkStatus();
}

absl::Status Core::modify_deadline(const std::string& subscription, std::span<const AckId> ids,
                                   std::chrono::seconds lease, SteadyTime now) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(subscription));
  Subscription* found = find(id);
  found->queue.modify_deadline(ids, lease, now);
  changed(id, found);
  schedule(id, found);
  return absl::OkStatus();
}

void Core::changed(SubscriptionId id, Subscription* subscription) {
  if (std::exchange(subscription->is_changed, true)) return;
  changed_.push_back(id);
}

void Core::schedule(SubscriptionId id, Subscription* subscription) {
  const std::optional<SteadyTime> next = subscription->queue.next_deadline();
  if (!next || (subscription->scheduled && *subscription->scheduled <= *next)) return;
  subscription->scheduled = next;
  deadlines_.push({*next, id});
}

void Core::advance(SteadyTime now) {
  while (!deadlines_.empty() && deadlines_.top().at <= now) {
    const Deadline due = deadlines_.top();
    deadlines_.pop();
    Subscription* subscription = find(due.subscription);
    if (subscription == nullptr || subscription->scheduled != due.at) continue;
    subscription->scheduled.reset();
    subscription->queue.expire(now);
    changed(due.subscription, subscription);
    schedule(due.subscription, subscription);
  }
  while (!wakes_.empty() && wakes_.top().at <= now) {
    woken_.push_back(wakes_.top().handle.consumer);
    wakes_.pop();
  }
}

std::optional<SteadyTime> Core::next_event() const {
  std::optional<SteadyTime> next;
  if (!deadlines_.empty()) next = deadlines_.top().at;
  if (!wakes_.empty() && (!next || wakes_.top().at < *next)) next = wakes_.top().at;
  return next;
}

std::vector<ConsumerId> Core::take_woken() { return std::exchange(woken_, {}); }

std::vector<SubscriptionId> Core::take_changed() {
  std::vector<SubscriptionId> changed = std::exchange(changed_, {});
  for (const SubscriptionId id : changed) {
    if (Subscription* subscription = find(id)) subscription->is_changed = false;
  }
  return changed;
}

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
