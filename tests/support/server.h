#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.h"

namespace pollbus::testing {

// A server on a loopback port that a test starts, stops, kills and starts again on the same port
// and data. What it prints is in <folder>/<name>.log. Each trouble throws std::runtime_error with
// the end of that log, which GoogleTest reports as the test's failure. Not thread-safe; see
// ChildProcess for the thread to make it in.
class Server {
 public:
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns when it answers.
  void start();
  // Asks it to end; returns its exit code.
  int stop();
  // As a power cut would: kill -9.
  void kill();
  // Sends a signal and does not wait: SIGSTOP and SIGCONT make it silent for a while.
  void signal(int number);

  // -1 when it does not run.
  pid_t pid() const { return process_ ? process_->pid() : -1; }
  bool is_running() { return process_ && process_->is_running(); }
  // Waits until it ended by itself; returns its exit code.
  int wait_for_end(std::chrono::milliseconds within);
  const std::string& name() const { return plan_.name; }
  // All that it has printed so far, over all its lives.
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

  // Without waiting for an answer.
  void launch();
  void await_answer(std::chrono::milliseconds within);

 private:
  std::string trouble(const std::string& what) const;

  Plan plan_;
  std::filesystem::path log_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace pollbus::testing
