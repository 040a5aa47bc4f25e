// Creating, changing, deleting and restoring topics and subscriptions.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "broker/core/core.h"
#include "broker/core/names.h"

namespace pollbus::broker {

absl::Status Core::create_topic(const std::string& name, std::string resource,
                                std::chrono::seconds retention) {
  if (catalog_.topics.contains(name)) return already_exists(name);
  RETURN_IF_ERROR(check_room(catalog_.topics.size(), catalog_.options.max_topics, "topics"));
  RETURN_IF_ERROR(check_resource_size(resource));
  Topic& topic = catalog_.topics[name];
  topic.resource = std::move(resource);
  catalog_.observer->topic_stored(name, topic.resource);
  retention_.retain_topic(name, retention);
  return absl::OkStatus();
}

absl::Status Core::update_topic(const std::string& name, std::string resource,
                                std::chrono::seconds retention) {
  Topic* const topic = catalog_.find_topic(name);
  if (topic == nullptr) return not_found(name);
  RETURN_IF_ERROR(check_resource_size(resource));
  topic->resource = std::move(resource);
  catalog_.observer->topic_stored(name, topic->resource);
  retention_.retain_topic(name, retention);
  return absl::OkStatus();
}

absl::Status Core::delete_topic(const std::string& name) {
  const auto found = catalog_.topics.find(name);
  if (found == catalog_.topics.end()) return not_found(name);
  for (const std::string& subscription : found->second.subscriptions) {
    const SubscriptionId id = *catalog_.id_of(subscription);
    SubscriptionConfig& config = catalog_.find(id)->config;
    config.topic = kDeletedTopic;
    catalog_.observer->subscription_stored(id, config);
  }
  retention_.topic_deleted(name, found->second);
  catalog_.topics.erase(found);
  catalog_.observer->topic_deleted(name);
  return absl::OkStatus();
}

absl::StatusOr<const Topic*> Core::topic(const std::string& name) const {
  const Topic* const found = catalog_.find_topic(name);
  if (found == nullptr) return not_found(name);
  return found;
}

void Core::store_schema(const std::string& name, std::string resource) {
  catalog_.observer->schema_stored(name, resource);
  catalog_.schemas[name] = std::move(resource);
}

void Core::delete_schema(const std::string& name) {
  if (catalog_.schemas.erase(name) > 0) catalog_.observer->schema_deleted(name);
}

absl::Status Core::create_subscription(SubscriptionConfig config) {
  if (catalog_.subscription_ids.contains(config.name)) return already_exists(config.name);
  const Topic* const topic = catalog_.find_topic(config.topic);
  if (topic == nullptr) return not_found(config.topic);
  RETURN_IF_ERROR(check_room(catalog_.subscription_ids.size(), catalog_.options.max_subscriptions,
                             "subscriptions"));
  RETURN_IF_ERROR(catalog_.check_room_for(config.filter, *topic));
  RETURN_IF_ERROR(check_resource_size(config.resource));
  const SubscriptionId id = ++catalog_.last_id;
  Subscription& added = add_subscription(id, std::move(config));
  catalog_.observer->subscription_stored(id, added.config);
  retention_.retain_acked(&added);
  return absl::OkStatus();
}

Subscription& Core::add_subscription(SubscriptionId id, SubscriptionConfig config) {
  Topic* const topic = catalog_.find_topic(config.topic);
  if (topic != nullptr && !config.is_detached) {
    topic->index.add(id, catalog_.effective_filter(config.filter));
    topic->subscriptions.insert(config.name);
  }
  catalog_.subscription_ids.emplace(config.name, id);
  auto& added = catalog_.subscriptions[id];
  added = std::make_unique<Subscription>(id, std::move(config), &catalog_.batches,
                                         &catalog_.requests, start_);
  return *added;
}

void Core::restore_topic(const std::string& name, std::string resource) {
  catalog_.topics[name].resource = std::move(resource);
}

void Core::restore_subscription(SubscriptionId id, SubscriptionConfig config) {
  add_subscription(id, std::move(config));
  catalog_.last_id = std::max(catalog_.last_id, id);
}

void Core::restore_batch(RoutedBatch routed, std::span<const DeliveryState> states) {
  Batch* const batch = catalog_.batches.add(std::move(routed.batch));
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
  // Queues expect messages in the order of their ids, so added deliveries go among the others.
  if (messages.size() > published) {
    std::ranges::stable_sort(messages, {}, &QueuedMessage::position);
  }
  std::vector<QueuedMessage> over;
  for (const QueuedMessage& message : messages) {
    const SubscriptionId id = routed.subscriptions[message.delivery];
    Subscription* subscription = catalog_.find(id);
    RetainedLog* log = subscription == nullptr ? retention_.find_log(id) : nullptr;
    const bool is_done = batch->state(message.delivery) == kDone;
    if (!is_done && subscription != nullptr && !subscription->config.is_detached) {
      subscription->queue.restore(message);
    } else if (!is_done && log != nullptr) {
      log->push(message);
    } else {
      over.push_back(message);
    }
  }
  for (const QueuedMessage& message : over) catalog_.batches.abandon(message);
}

void Core::resume(SteadyTime now) {
  for (const auto& [id, subscription] : catalog_.subscriptions) {
    subscription->queue.resume(subscription->config.ack_deadline, now);
    schedule(id, subscription.get());
  }
}

absl::Status Core::update_subscription(SubscriptionConfig config) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(config.name));
  RETURN_IF_ERROR(check_resource_size(config.resource));
  Subscription& subscription = *catalog_.find(id);
  SubscriptionConfig& current = subscription.config;
  config.topic = current.topic;
  config.filter = current.filter;
  config.rules.is_ordered = current.rules.is_ordered;
  config.is_detached = current.is_detached;
  config.used_s = current.used_s;
  current = std::move(config);
  ++subscription.updates;
  subscription.queue.set_rules(current.rules);
  catalog_.observer->subscription_stored(id, current);
  retention_.retain_acked(&subscription);
  return absl::OkStatus();
}

void Core::leave_topic(SubscriptionId id, const Subscription& subscription) {
  Topic* const topic = catalog_.find_topic(subscription.config.topic);
  if (topic == nullptr) return;
  topic->index.remove(id, catalog_.effective_filter(subscription.config.filter));
  topic->subscriptions.erase(subscription.config.name);
}

absl::Status Core::delete_subscription(const std::string& name) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(name));
  Subscription& subscription = *catalog_.find(id);
  leave_topic(id, subscription);
  retention_.subscription_deleted(subscription);
  // Their next take() tells them that it is gone.
  std::ranges::copy(subscription.queue.consumers(), std::back_inserter(catalog_.requests.woken));
  subscription.queue.abandon_all();
  catalog_.subscription_ids.erase(catalog_.subscription_ids.find(name));
  catalog_.subscriptions.erase(id);
  catalog_.observer->subscription_deleted(id);
  return absl::OkStatus();
}

absl::Status Core::detach_subscription(const std::string& name) {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(name));
  Subscription& subscription = *catalog_.find(id);
  if (std::exchange(subscription.config.is_detached, true)) return absl::OkStatus();
  leave_topic(id, subscription);
  retention_.retain_acked(&subscription);
  std::ranges::copy(subscription.queue.consumers(), std::back_inserter(catalog_.requests.woken));
  subscription.queue.abandon_all();
  catalog_.observer->subscription_stored(id, subscription.config);
  return absl::OkStatus();
}

absl::StatusOr<const SubscriptionConfig*> Core::subscription(const std::string& name) const {
  ASSIGN_OR_RETURN(const SubscriptionId id, catalog_.id_of(name));
  return &catalog_.find(id)->config;
}

}  // namespace pollbus::broker
