#pragma once

#include <optional>
#include <string>

#include "election_office/commands.h"

namespace pollbus::election_office {

// What to do: a command with its options, or, without a command, only an exit code.
struct CommandLine {
  const CommandSpec* command = nullptr;
  Options options;
  int exit_code = 0;
};

// Reads the command line. Prints help and mistakes itself.
CommandLine read_command_line(int argc, const char* const* argv);

}  // namespace pollbus::election_office
