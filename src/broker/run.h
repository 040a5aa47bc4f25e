#pragma once

#include "absl/status/status.h"
#include "base/service.h"
#include "broker/settings.h"

namespace pollbus::broker {

// Serves until the process is asked to stop, then returns OK. An error means that the broker could
// not start.
absl::Status run(const BrokerSettings& settings, Service& service);

}  // namespace pollbus::broker
