#pragma once

#include <string>
#include <thread>

#include "absl/status/status.h"
#include "base/clock.h"
#include "voting_machine/load_generator.h"
#include "voting_machine/tally.h"

namespace pollbus::voting_machine {

// The tally as one line of JSON; docs/message-flow.md lists its fields.
std::string to_json(const Load& load, const Tally& tally);
// Writes to_json() to the file `summary`, unless it is empty, and logs how many votes stay pending
// in the journal.
absl::Status report_end(const Tally& tally, const Load& load, const std::string& summary,
                        const std::string& journal);

// The program's exit codes besides 0 and those of base/service.h.
inline constexpr int kExitPending = 1;
inline constexpr int kExitNoId = 2;
inline constexpr int kExitOutputClosed = 3;
// Pending votes are not an error if the program was asked to stop.
int exit_code_for(const Tally& tally, bool is_stopped, bool is_output_closed);

// The tally as one line for a person.
std::string to_progress(const Load& load, const Tally& tally);
// Keeps that line up to date on standard error, on a thread that ends with the returned object.
// Does nothing if standard error is not a terminal.
std::jthread show_progress(const TallyKeeper& tally, const Load& load, Clock& clock);

}  // namespace pollbus::voting_machine
