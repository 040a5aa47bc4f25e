#pragma once

#include <functional>
#include <string_view>

#include "absl/status/status.h"

namespace pollbus::faults {

// Called at a named place before and after each step of a vote, such as "logger.before_mark".
// Returns OK to go on, or the error with which the step must fail. It may also block for a while or
// end the process.
using Failpoints = std::function<absl::Status(std::string_view place)>;

}  // namespace pollbus::faults
