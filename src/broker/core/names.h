#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus::broker {

// Resource names, by https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names: in
// projects/P/topics/T, T has 3 to 255 characters A-Z a-z 0-9 - _ . ~ + %, starts with a letter and
// does not start with "goog". P has 1 to 255 of these characters or ':'.

// These return INVALID_ARGUMENT for any other name.
absl::Status check_project_name(std::string_view name);  // projects/P
absl::Status check_topic_name(std::string_view name);
absl::Status check_subscription_name(std::string_view name);
absl::Status check_snapshot_name(std::string_view name);
absl::Status check_schema_name(std::string_view name);

// Returns "projects/P" of a valid name.
std::string_view project_of(std::string_view name);
// Returns the part after the last '/', by which Google's service names a resource in its errors.
std::string_view short_id(std::string_view name);

// The service's errors about a resource: NOT_FOUND, ALREADY_EXISTS and FAILED_PRECONDITION.
absl::Status not_found(std::string_view name);
absl::Status already_exists(std::string_view name);
absl::Status detached(std::string_view subscription);

}  // namespace pollbus::broker
