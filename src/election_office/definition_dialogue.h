#pragma once

#include <iosfwd>
#include <string>

#include "absl/status/statusor.h"
#include "election_office/report.h"

namespace pollbus::election_office {

// Asks for everything that a definition needs on the terminal and writes it to `file` (empty:
// election-<number>.json). ALREADY_EXISTS if there is such a file; CANCELLED at the end of input.
absl::StatusOr<Report> ask_for_definition(const std::string& file);

// The same with these streams; returns the text of the definition, which is valid.
absl::StatusOr<std::string> definition_dialogue(std::istream& in, std::ostream& out);

}  // namespace pollbus::election_office
