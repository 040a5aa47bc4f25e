#pragma once

#include <string>

#include "absl/status/status.h"

namespace pollbus {

// Asks the process that serves its HttpEndpoint on `host` and `port` of this computer whether it is
// ready. UNAVAILABLE, with the reasons, if it is not ready or does not answer within three seconds.
// A host that means every address ("0.0.0.0", "::") is asked on 127.0.0.1, and then on ::1.
absl::Status check_health(const std::string& host, int port);

}  // namespace pollbus
