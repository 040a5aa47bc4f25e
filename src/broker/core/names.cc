#include "broker/core/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace pollbus::broker {
namespace {

constexpr std::size_t kMinIdCharacters = 3;
constexpr std::size_t kMaxIdCharacters = 255;
constexpr std::size_t kMaxProjectCharacters = 255;
// Of an invalid name, which can be as long as a request, an error shows only the beginning.
constexpr std::size_t kMaxShownBytes = 600;
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

// Google's project ids have 6 to 30 lower case letters, digits and '-', some with a domain and ':'
// in front. Clients of emulators use others too.
bool is_project_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxProjectCharacters &&
         std::ranges::all_of(id, [](char c) { return is_id_character(c) || c == ':'; });
}

absl::Status invalid_name(std::string_view name) {
  const bool is_long = name.size() > kMaxShownBytes;
  return absl::InvalidArgumentError(fmt::format(
      "Invalid resource name given (name={}). Refer to "
      "https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more "
      "information.",
      is_long ? fmt::format("{}...", name.substr(0, kMaxShownBytes)) : std::string(name)));
}

bool is_resource_name(std::string_view name, std::string_view collection) {
  if (!name.starts_with(kProjects)) return false;
  const std::string_view after = name.substr(kProjects.size());
  const std::size_t slash = after.find('/');
  if (slash == std::string_view::npos || !is_project_id(after.substr(0, slash))) return false;
  std::string_view rest = after.substr(slash + 1);
  if (!rest.starts_with(collection)) return false;
  rest.remove_prefix(collection.size());
  return rest.starts_with('/') && is_id(rest.substr(1));
}

}  // namespace

absl::Status check_project_name(std::string_view name) {
  const bool is_valid = name.starts_with(kProjects) && is_project_id(name.substr(kProjects.size()));
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

absl::Status check_schema_name(std::string_view name) {
  return is_resource_name(name, "schemas") ? absl::OkStatus() : invalid_name(name);
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
