#include "integration/office_tool.h"

#include <fmt/format.h>
#include <signal.h>

#include "base/files.h"

namespace pollbus::testing {
namespace {

constexpr std::chrono::minutes kLimit{2};

}  // namespace

std::unique_ptr<ChildProcess> OfficeTool::start(const std::string& command) const {
  std::filesystem::remove(log());
  // exec, so that a kill reaches the tool and not the shell only.
  const std::string script = fmt::format("cd '{}' && PATH='{}':$PATH && exec {}", folder_.string(),
                                         POLLBUS_PROGRAMS, command);
  return std::make_unique<ChildProcess>(std::vector<std::string>{"sh", "-c", script}, environment_,
                                        log());
}

OfficeTool::Run OfficeTool::run(const std::string& command) const {
  const auto process = start(command);
  Run run;
  run.exit_code = process->wait(kLimit).value_or(-1);
  run.output = read_whole_file(log()).value_or("");
  return run;
}

void OfficeTool::run_and_kill(const std::string& command, std::chrono::milliseconds after) const {
  const auto process = start(command);
  if (process->wait(after)) return;
  process->signal(SIGKILL);
  process->wait(kLimit);
}

}  // namespace pollbus::testing
