#pragma once

// Built with failpoints only.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "election/keyed_hash.h"
#include "voting_machine/history.h"

namespace pollbus::voting_machine {

// Appends a history to a file, a JSON line an event (tests/faults/README.md), each written before
// the machine goes on, so that a killed machine leaves all of it. Voters stand there as keyed
// hashes. UNAVAILABLE when the file cannot be opened. Thread-safe.
absl::StatusOr<std::unique_ptr<History>> open_history_file(const std::string& path,
                                                           const HashKey& key,
                                                           std::int64_t election,
                                                           std::int64_t machine);

}  // namespace pollbus::voting_machine
