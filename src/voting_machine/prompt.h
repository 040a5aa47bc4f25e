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

}  // namespace pollbus::voting_machine
