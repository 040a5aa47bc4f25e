#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace pollbus::election_office {

// What a command did. People get `body` (a table or a text, if there is one), then the line `what`
// and the line `next`; scripts get all of it as one JSON object.
struct Report {
  std::string what;  // a sentence
  std::string next;  // what comes next, a sentence; may be empty
  std::string body;
  nlohmann::json details = nlohmann::json::object();
};

enum class Format { kText, kJson };

// Exit codes.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kWrongUse = 2;
inline constexpr int kNotConfirmed = 3;  // a service has not answered; repeat the command

// The reports of a command, and the error that ended it, if one did.
struct Outcome {
  std::vector<Report> reports;
  absl::Status error;
};

// Prints everything and returns the exit code.
int print_outcome(const Outcome& outcome, Format format);

// An error with a list of everything that is missing.
absl::Status missing_error(std::string_view sentence, const std::vector<std::string>& missing);

// 1500000 as "1,500,000"; with "voter", "1 voter" and "2 voters".
std::string grouped(std::int64_t number);
std::string counted(std::int64_t number, std::string_view noun);

// A progress bar on standard error, if that is a terminal; otherwise a line at each quarter.
class Progress {
 public:
  Progress(std::string what, std::int64_t total, Format format);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::int64_t done);

 private:
  const std::string what_;
  const std::int64_t total_;
  const bool is_terminal_;
  const bool is_quiet_;
  std::int64_t shown_ = -1;
};

}  // namespace pollbus::election_office
