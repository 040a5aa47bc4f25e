#pragma once

#include <iosfwd>
#include <string>

#include "voting_machine/machine.h"

namespace pollbus::voting_machine {

// The tally as JSON, one line; docs/message-flow.md names its fields. `latency_histogram_us` holds
// [upper bound in µs, count] pairs, which add up across machines.
std::string to_json(const Load& load, const Tally& tally);

// One line for a person: how many, how fast.
std::string to_progress(const Load& load, const Tally& tally);

}  // namespace pollbus::voting_machine
