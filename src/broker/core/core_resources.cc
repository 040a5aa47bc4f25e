// Topics and subscriptions: made, changed, deleted, restored.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "broker/core/core.h"
#include "broker/core/names.h"

namespace pollbus::broker {

absl::Status Core::create_topic(const std::string& name, std::string resource,
                                std::chrono::seconds retention) {
  const auto [found, is_new] = topics_.try_emplace(name);
  if (!is_new) return already_exists(name);
  found->second.resource = std::move(resource);
  journal_->topic_stored(name, found->second.resource);
  retain(name, retention);
  return absl::OkStatus();
}

absl::Status Core::update_topic(const std::string& name, std::string resource,
                                std::chrono::seconds retention) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return not_found(name);
  found->second.resource = std::move(resource);
  journal_->topic_stored(name, found->second.resource);
  retain(name, retention);
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
  for (const auto& [id, log] : logs_) {
    if (log->config.topic != name || id == found->second.log) continue;
    log->config.topic = kDeletedTopic;
    journal_->log_stored(id, log->config);
  }
  if (found->second.log != 0) delete_log(found->second.log);
  topics_.erase(found);
  journal_->topic_deleted(name);
  return absl::OkStatus();
}

absl::StatusOr<const Topic*> Core::topic(const std::string& name) const {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return not_found(name);
  return &found->second;
}

Filter Core::effective_filter(const Filter& filter) const {
  return options_.ignore_filters ? Filter() : filter;
}

absl::Status Core::create_subscription(SubscriptionConfig config) {
  if (subscription_ids_.contains(config.name)) return already_exists(config.name);
  const auto topic = topics_.find(config.topic);
  if (topic == topics_.end()) return not_found(config.topic);
  const SubscriptionId id = ++last_subscription_;
  Subscription& added = add_subscription(id, std::move(config));
  journal_->subscription_stored(id, added.config);
  keep_acked(&added);
  return absl::OkStatus();
}

// Makes, changes or deletes the log of what the subscription retains after acks.
void Core::keep_acked(Subscription* subscription) {
  const SubscriptionConfig& config = subscription->config;
  const bool is_to_have = config.retains_acked && !config.is_detached;
  if (RetainedLog* log = find_log(subscription->log); log != nullptr && is_to_have) {
    if (log->config.retention == config.retention) return;
    log->config.retention = config.retention;
    journal_->log_stored(subscription->log, log->config);
  } else if (log != nullptr) {
    delete_log(std::exchange(subscription->log, 0));
  } else if (is_to_have) {
    subscription->log = create_log({.kind = LogConfig::Kind::kSubscription,
                                    .name = config.name,
                                    .topic = config.topic,
                                    .filter = config.filter,
                                    .retention = config.retention});
  }
}

Core::Subscription& Core::add_subscription(SubscriptionId id, SubscriptionConfig config) {
  const auto topic = topics_.find(config.topic);
  if (topic != topics_.end() && !config.is_detached) {
    topic->second.index.add(id, effective_filter(config.filter));
    topic->second.subscriptions.insert(config.name);
  }
  subscription_ids_.emplace(config.name, id);
  auto& added = subscriptions_[id];
  added = std::make_unique<Subscription>(id, std::move(config), &batches_, &requests_);
  return *added;
}

void Core::restore_topic(const std::string& name, std::string resource) {
  topics_[name].resource = std::move(resource);
}

void Core::restore_subscription(SubscriptionId id, SubscriptionConfig config) {
  add_subscription(id, std::move(config));
  last_subscription_ = std::max(last_subscription_, id);
}

void Core::restore_log(SubscriptionId id, LogConfig config) {
  const LogConfig& added = add_log(id, std::move(config)).config;
  last_subscription_ = std::max(last_subscription_, id);
  if (added.kind == LogConfig::Kind::kTopic) {
    if (const auto topic = topics_.find(added.name); topic != topics_.end()) topic->second.log = id;
  } else if (added.kind == LogConfig::Kind::kSubscription) {
    const auto found = subscription_ids_.find(added.name);
    if (found != subscription_ids_.end()) find(found->second)->log = id;
  }
}

void Core::restore_batch(RoutedBatch routed, std::span<const DeliveryState> states) {
  Batch* const batch = batches_.add(std::move(routed.batch));
  std::vector<QueuedMessage> messages;
  for (std::uint32_t position = 0; position < routed.counts.size(); ++position) {
    messages.insert(messages.end(), routed.counts[position], {batch, position, 0});
  }
  const std::size_t published = messages.size();
  for (const AddedDelivery& added : routed.added) {
    messages.push_back({batch, added.position, 0});
    routed.subscriptions.push_back(added.subscription);
  }
  batch->add_deliveries(static_cast<std::uint32_t>(routed.added.size()));
  for (std::uint32_t i = 0; i < messages.size(); ++i) {
    batch->set_state(i, states[i]);
    messages[i].delivery = i;
  }
  // Added ones take their places among the others.
  if (messages.size() > published) {
    std::ranges::stable_sort(messages, {}, &QueuedMessage::position);
  }
  std::vector<QueuedMessage> over;
  for (const QueuedMessage& message : messages) {
    const SubscriptionId id = routed.subscriptions[message.delivery];
    Subscription* subscription = find(id);
    RetainedLog* log = subscription == nullptr ? find_log(id) : nullptr;
    if (batch->state(message.delivery) == kDone) {
      over.push_back(message);
    } else if (subscription != nullptr && !subscription->config.is_detached) {
      subscription->queue.restore(message);
    } else if (log != nullptr) {
      log->push(message);
    } else {
      over.push_back(message);
    }
  }
  for (const QueuedMessage& message : over) batches_.abandon(message);
}

void Core::resume_leases(SteadyTime now) {
  for (const auto& [id, subscription] : subscriptions_) {
    if (!subscription->config.rules.is_exactly_once) continue;
    subscription->queue.resume_leases(subscription->config.ack_deadline, now);
    schedule(id, subscription.get());
  }
}

absl::Status Core::update_subscription(SubscriptionConfig config) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(config.name));
  Subscription& subscription = *find(id);
  SubscriptionConfig& current = subscription.config;
  config.topic = current.topic;
  config.filter = current.filter;
  config.rules.is_ordered = current.rules.is_ordered;
  config.is_detached = current.is_detached;
  config.used_s = current.used_s;
  current = std::move(config);
  ++subscription.updates;
  subscription.queue.set_rules(current.rules);
  journal_->subscription_stored(id, current);
  keep_acked(&subscription);
  return absl::OkStatus();
}

void Core::leave_topic(SubscriptionId id, const Subscription& subscription) {
  const auto topic = topics_.find(subscription.config.topic);
  if (topic == topics_.end()) return;
  topic->second.index.remove(id, effective_filter(subscription.config.filter));
  topic->second.subscriptions.erase(subscription.config.name);
}

absl::Status Core::delete_subscription(const std::string& name) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  Subscription& subscription = *find(id);
  leave_topic(id, subscription);
  if (subscription.log != 0) delete_log(subscription.log);
  // They learn from their next take() that it is gone.
  std::ranges::copy(subscription.queue.consumers(), std::back_inserter(requests_.woken));
  subscription.queue.abandon_all();
  subscription_ids_.erase(subscription_ids_.find(name));
  subscriptions_.erase(id);
  journal_->subscription_deleted(id);
  return absl::OkStatus();
}

absl::Status Core::detach_subscription(const std::string& name) {
  ASSIGN_OR_RETURN(const SubscriptionId id, id_of(name));
  Subscription& subscription = *find(id);
  if (std::exchange(subscription.config.is_detached, true)) return absl::OkStatus();
  leave_topic(id, subscription);
  keep_acked(&subscription);
  std::ranges::copy(subscription.queue.consumers(), std::back_inserter(requests_.woken));
  subscription.queue.abandon_all();
  journal_->subscription_stored(id, subscription.config);
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

}  // namespace pollbus::broker
