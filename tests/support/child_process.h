#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pollbus::testing {

using Environment = std::map<std::string, std::string>;

// A program that this process started, in a process group of its own. It ends with this object, and
// also with the thread that created it (the kernel kills it then): create it in a thread that lives
// long enough. Throws std::system_error if the program cannot be started. Not thread-safe.
class ChildProcess {
 public:
  // argv[0] is a path, or is looked up in PATH. `environment` is added to that of this process. The
  // program's output is appended to `log`.
  ChildProcess(const std::vector<std::string>& argv, const Environment& environment,
               const std::filesystem::path& log);
  // Kills the whole process group.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Sends the signal to the program alone. Does nothing if it has ended.
  void signal(int number);
  // Returns the exit code, or 128 + the signal that ended it; std::nullopt while it runs.
  std::optional<int> wait(std::chrono::milliseconds within);
  bool is_running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace pollbus::testing
