#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pollbus::broker {

// A push endpoint's URL, taken apart. Its text is at most kMaxPushUrlBytes long.
struct PushEndpoint {
  std::string url;   // as a request uses it, without a fragment
  std::string host;  // lower case; an IPv6 address without its brackets
  int port = 0;      // 1 to 65535
};

inline constexpr std::size_t kMaxPushUrlBytes = 2'048;
inline constexpr std::size_t kMaxPushHostBytes = 253;

// The only place that reads such a URL. INVALID_ARGUMENT unless it is http or https, with a host,
// without a user name, and within the limits.
absl::StatusOr<PushEndpoint> parse_push_endpoint(std::string_view url);

}  // namespace pollbus::broker
