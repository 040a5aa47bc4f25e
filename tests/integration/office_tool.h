#pragma once

#include <filesystem>
#include <string>

#include "support/child_process.h"

namespace pollbus::testing {

// Runs election-office in a folder, as an official would type it there.
class OfficeTool {
 public:
  struct Run {
    int exit_code = -1;
    std::string output;  // standard output and standard error
  };

  OfficeTool(std::filesystem::path folder, Environment environment)
      : folder_(std::move(folder)), environment_(std::move(environment)) {}

  // `command` is a line for the shell, such as "election-office open".
  Run run(const std::string& command) const;
  // Starts it and kills it after this time, unless it has ended before.
  void run_and_kill(const std::string& command, std::chrono::milliseconds after) const;

  // Starts it; the caller may signal it.
  std::unique_ptr<ChildProcess> start(const std::string& command) const;

  void set(const std::string& variable, const std::string& value) {
    environment_[variable] = value;
  }

 private:
  std::filesystem::path log() const { return folder_ / "office-output.log"; }
  std::filesystem::path folder_;
  Environment environment_;
};

}  // namespace pollbus::testing
