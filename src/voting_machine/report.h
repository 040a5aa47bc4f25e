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
// Writes to_json() to a file. Does nothing if the path is empty.
absl::Status write_summary(const std::string& path, const Load& load, const Tally& tally);

// The tally as one line for a person.
std::string to_progress(const Load& load, const Tally& tally);
// Keeps that line up to date on standard error, on a thread that ends with the returned object.
std::jthread show_progress(const TallyKeeper& tally, const Load& load, Clock& clock);

}  // namespace pollbus::voting_machine
