#pragma once

#include <string>

#include "absl/status/status.h"

namespace pollbus {

// Asks the process that serves its HttpEndpoint on `host` and `port` on this machine whether it is
// ready. OK; UNAVAILABLE with its reasons, or when nobody answers within three seconds. A host that
// stands for every address ("0.0.0.0", "::") is asked on loopback.
absl::Status check_health(const std::string& host, int port);

}  // namespace pollbus
