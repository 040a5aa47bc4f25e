#include "broker/core/catalog.h"

#include <fmt/format.h>

#include "broker/core/names.h"

namespace pollbus::broker {

absl::Status check_room(std::size_t count, std::size_t most, std::string_view what) {
  if (count < most) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("This broker has no room for more {}: the limit is {}.", what, most));
}

absl::Status check_resource_size(std::string_view resource) {
  if (resource.size() <= kMaxResourceBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("The resource is too large: it has {} bytes, but the maximum is {} bytes.",
                  resource.size(), kMaxResourceBytes));
}

Topic* Catalog::find_topic(const std::string& name) {
  const auto found = topics.find(name);
  return found == topics.end() ? nullptr : &found->second;
}

const Topic* Catalog::find_topic(const std::string& name) const {
  const auto found = topics.find(name);
  return found == topics.end() ? nullptr : &found->second;
}

Subscription* Catalog::find(SubscriptionId id) {
  const auto found = subscriptions.find(id);
  return found == subscriptions.end() ? nullptr : found->second.get();
}

const Subscription* Catalog::find(SubscriptionId id) const {
  const auto found = subscriptions.find(id);
  return found == subscriptions.end() ? nullptr : found->second.get();
}

absl::StatusOr<SubscriptionId> Catalog::id_of(const std::string& subscription) const {
  const auto found = subscription_ids.find(subscription);
  if (found == subscription_ids.end()) return not_found(subscription);
  return found->second;
}

absl::Status Catalog::check_room_for(const Filter& filter, const Topic& topic) const {
  if (topic.index.has_room_for(effective_filter(filter), options.max_scanned_conjunctions)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      fmt::format("The topic has too many subscriptions and snapshots with filters like this one: "
                  "the limit is {} for filters without a selective `attributes.key = \"value\"`.",
                  options.max_scanned_conjunctions));
}

}  // namespace pollbus::broker
