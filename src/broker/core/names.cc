#include "broker/core/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace pollbus::broker {
namespace {

constexpr std::size_t kMinIdCharacters = 3;
constexpr std::size_t kMaxIdCharacters = 255;
constexpr std::string_view kReservedPrefix = "goog";
constexpr std::string_view kProjects = "projects/";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_id_character(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') ||
         std::string_view("-_.~+%").find(c) != std::string_view::npos;
}

bool is_id(std::string_view id) {
  return id.size() >= kMinIdCharacters && id.size() <= kMaxIdCharacters && is_letter(id.front()) &&
         !id.starts_with(kReservedPrefix) && std::ranges::all_of(id, is_id_character);
}

absl::Status invalid_name(std::string_view name) {
  return absl::InvalidArgumentError(
      fmt::format("Invalid resource name given (name={}). Refer to "
                  "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more "
                  "information.",
                  name));
}

bool is_resource_name(std::string_view name, std::string_view collection) {
  if (!name.starts_with(kProjects)) return false;
  const std::string_view after = name.substr(kProjects.size());
  const std::size_t slash = after.find('/');
  if (slash == 0 || slash == std::string_view::npos) return false;
  std::string_view rest = after.substr(slash + 1);
  if (!rest.starts_with(collection)) return false;
  rest.remove_prefix(collection.size());
  return rest.starts_with('/') && is_id(rest.substr(1));
}

}  // namespace

absl::Status check_project_name(std::string_view name) {
  const bool is_valid = name.starts_with(kProjects) && name.size() > kProjects.size() &&
                        name.substr(kProjects.size()).find('/') == std::string_view::npos;
  return is_valid ? absl::OkStatus() : invalid_name(name);
}

absl::Status check_topic_name(std::string_view name) {
  return is_resource_name(name, "topics") ? absl::OkStatus() : invalid_name(name);
}

absl::Status check_subscription_name(std::string_view name) {
  return is_resource_name(name, "subscriptions") ? absl::OkStatus() : invalid_name(name);
}

absl::Status check_snapshot_name(std::string_view name) {
  return is_resource_name(name, "snapshots") ? absl::OkStatus() : invalid_name(name);
}

std::string_view project_of(std::string_view name) {
  return name.substr(0, name.find('/', kProjects.size()));
}

std::string_view short_id(std::string_view name) { return name.substr(name.rfind('/') + 1); }

absl::Status not_found(std::string_view name) {
  return absl::NotFoundError(fmt::format("Resource not found (resource={}).", short_id(name)));
}

absl::Status already_exists(std::string_view name) {
  return absl::AlreadyExistsError(
      fmt::format("Resource already exists in the project (resource={}).", short_id(name)));
}

absl::Status detached(std::string_view subscription) {
  return absl::FailedPreconditionError(fmt::format(
      "Subscription has been detached from its topic (resource={}).", short_id(subscription)));
}

}  // namespace pollbus::broker
