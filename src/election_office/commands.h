#pragma once

#include <span>
#include <string_view>

#include "election_office/office.h"

namespace pollbus::election_office {

// One command of the tool, with its help.
struct CommandSpec {
  std::string_view name;       // "roll import"
  std::string_view arguments;  // "FILE"
  std::size_t least_arguments = 0;
  std::size_t most_arguments = 0;
  std::string_view summary;  // one line
  std::string_view details;  // for --help; may be empty
  std::string_view flags;    // the flags that it takes besides the common ones, with blanks around
  Outcome (*run)(Office& office) = nullptr;
};

std::span<const CommandSpec> all_commands();

// commands_definition.cc
Outcome keygen(Office& office);
Outcome new_definition(Office& office);
Outcome check(Office& office);
Outcome define(Office& office);
// commands_roll.cc
Outcome import_roll(Office& office);
Outcome write_codes(Office& office);
Outcome add_voter(Office& office);
// commands_life.cc
Outcome open(Office& office);
Outcome pause(Office& office);
Outcome resume(Office& office);
Outcome extend(Office& office);
Outcome close(Office& office);
Outcome seal(Office& office);
Outcome certify(Office& office);
// commands_view.cc
Outcome status(Office& office);
Outcome history(Office& office);
Outcome results(Office& office);

}  // namespace pollbus::election_office
