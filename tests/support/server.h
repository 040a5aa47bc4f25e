#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.h"

namespace pollbus::testing {

// A server on a loopback port that a test can start, stop, kill and start again on the same port
// and data. Its output goes to <folder>/<name>.log. Errors are thrown as std::runtime_error with
// the end of that log, and GoogleTest reports them as a failure. Not thread-safe; create it in a
// thread that lives long enough (see ChildProcess).
class Server {
 public:
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts the server and returns when it answers.
  void start();
  // Stops the server and returns its exit code.
  int stop();
  // Ends the server with SIGKILL.
  void kill();
  // Sends a signal without waiting; SIGSTOP and SIGCONT freeze the server for a while.
  void signal(int number);

  // -1 if it does not run.
  pid_t pid() const { return process_ ? process_->pid() : -1; }
  bool is_running() { return process_ && process_->is_running(); }
  // Waits until the server ends by itself, and returns its exit code.
  int wait_for_end(std::chrono::milliseconds within);
  const std::string& name() const { return plan_.name; }
  // Everything that it has printed so far, including earlier starts.
  std::string log() const;

 protected:
  struct Plan {
    std::string name;
    std::filesystem::path folder;
    std::vector<std::string> argv;
    Environment environment;
    int stop_signal = SIGTERM;
    std::function<bool()> answers;
  };
  explicit Server(Plan plan);
  ~Server() = default;

  // Starts the server without waiting until it answers.
  void launch();
  void await_answer(std::chrono::milliseconds within);

 private:
  std::string trouble(const std::string& what) const;

  Plan plan_;
  std::filesystem::path log_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace pollbus::testing
