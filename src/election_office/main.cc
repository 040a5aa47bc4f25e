// election-office: the command-line tool of the people who hold an election.
#include "base/clock.h"
#include "base/logging.h"
#include "election_office/command_line.h"

int main(int argc, char** argv) {
  using namespace pollbus;
  using namespace pollbus::election_office;
  const CommandLine line = read_command_line(argc, argv);
  if (line.command == nullptr) return line.exit_code;
  set_up_logging("election-office", LogFormat::kText, LogLevel::kWarning);
  Office office(line.options, system_clock());
  const auto outcome = line.command->run(office);
  return print_outcome(outcome, line.options.output());
}
