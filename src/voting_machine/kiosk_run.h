#pragma once

#include "absl/status/statusor.h"
#include "voting_machine/machine_settings.h"

namespace pollbus::voting_machine {

// Serves the voters' page until the process is stopped, and returns the exit code.
absl::StatusOr<int> run_kiosk(const MachineSettings& settings);

}  // namespace pollbus::voting_machine
