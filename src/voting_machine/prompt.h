#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace pollbus::voting_machine {

// Asks for an ID until the answer is one; blanks around it do not matter. Nothing if the input
// ends first.
std::optional<std::int64_t> ask_for_id(std::istream& in, std::ostream& out,
                                       const std::string& what);

// Asks the person at the terminal for each ID that is absent and needed. False, with a reason on
// standard error, if standard input ends first.
bool ask_for_missing_ids(bool needs_election, std::optional<std::int64_t>& election,
                         std::optional<std::int64_t>& machine);

}  // namespace pollbus::voting_machine
