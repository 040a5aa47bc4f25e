#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus::broker {

// Resource names by the rules of the service
// (https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names): projects/P/topics/T, where T
// has 3 to 255 of A-Z a-z 0-9 - _ . ~ + %, starts with a letter and not with "goog".

// INVALID_ARGUMENT for anything else than projects/<project>.
absl::Status check_project_name(std::string_view name);
absl::Status check_topic_name(std::string_view name);
absl::Status check_subscription_name(std::string_view name);
absl::Status check_snapshot_name(std::string_view name);

// "projects/P" of a name that was checked.
std::string_view project_of(std::string_view name);
// The part behind the last '/', which is how the service names a resource in its errors.
std::string_view short_id(std::string_view name);

absl::Status not_found(std::string_view name);
absl::Status already_exists(std::string_view name);
absl::Status detached(std::string_view subscription);

}  // namespace pollbus::broker
