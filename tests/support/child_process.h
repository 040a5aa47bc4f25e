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

// A program that this process started, in a process group of its own. It does not outlive this
// object, nor the thread that made it (the kernel kills it with that thread): make it in a thread
// that stays. Throws std::system_error when the program cannot be started. Not thread-safe.
class ChildProcess {
 public:
  // argv[0] is a path, or is looked up in PATH. `environment` comes on top of ours. What the
  // program prints is appended to `log`.
  ChildProcess(const std::vector<std::string>& argv, const Environment& environment,
               const std::filesystem::path& log);
  // Kills the whole group.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // To the program alone. Nothing happens when it has ended.
  void signal(int number);
  // The exit code, or 128 + the signal that ended it; std::nullopt: it still runs.
  std::optional<int> wait(std::chrono::milliseconds within);
  bool is_running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace pollbus::testing
