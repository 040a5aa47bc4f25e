#include "election_office/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace pollbus::election_office {
namespace {

constexpr std::int64_t kBarCells = 30;
// Shorter work is over before anyone could read a line about it.
constexpr std::int64_t kWorthALine = 50'000;

int exit_code_of(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kWrongUse;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnavailable:
      return kNotConfirmed;
    default:
      return kRefused;
  }
}

void print_report(const Report& report) {
  std::cout << report.body;
  if (!report.what.empty()) std::cout << report.what << '\n';
  if (!report.next.empty()) std::cout << "Next: " << report.next << '\n';
  std::cout << std::flush;
}

void print_error(const absl::Status& error, int code) {
  std::cerr << "election-office: " << error.message() << '\n';
  if (code == kNotConfirmed) {
    std::cerr << "The command can be repeated safely: what was done already is not done again.\n";
  }
}

nlohmann::json to_json(const Report& report) {
  nlohmann::json object = report.details;
  if (!report.what.empty()) object["what"] = report.what;
  if (!report.next.empty()) object["next"] = report.next;
  return object;
}

// One report is the object itself; several are in a list.
nlohmann::json to_json(const Outcome& outcome) {
  nlohmann::json object = nlohmann::json::object();
  if (outcome.reports.size() == 1 && outcome.error.ok()) {
    object = to_json(outcome.reports.front());
  } else if (!outcome.reports.empty()) {
    for (const Report& report : outcome.reports) object["reports"].push_back(to_json(report));
  }
  object["ok"] = outcome.error.ok();
  if (!outcome.error.ok()) object["error"] = std::string(outcome.error.message());
  return object;
}

}  // namespace

int print_outcome(const Outcome& outcome, Format format) {
  const int code = outcome.error.ok() ? kDone : exit_code_of(outcome.error);
  if (format == Format::kJson) {
    std::cout << to_json(outcome).dump(2) << std::endl;
    return code;
  }
  for (const Report& report : outcome.reports) print_report(report);
  if (!outcome.error.ok()) print_error(outcome.error, code);
  return code;
}

absl::Status missing_error(std::string_view sentence, const std::vector<std::string>& missing) {
  std::string text = fmt::format("{}:", sentence);
  for (const std::string& item : missing) text += "\n  - " + item;
  return absl::FailedPreconditionError(text);
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string counted(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

Progress::Progress(std::string what, std::int64_t total, Format format)
    : what_(std::move(what)),
      total_(std::max<std::int64_t>(total, 1)),
      is_terminal_(isatty(STDERR_FILENO) == 1),
      is_quiet_(format == Format::kJson || (!is_terminal_ && total < kWorthALine)) {}

Progress::~Progress() {
  if (!is_quiet_ && is_terminal_ && shown_ >= 0) std::fputs("\r\033[K", stderr);
}

void Progress::show(std::int64_t done) {
  if (is_quiet_) return;
  const std::int64_t step = is_terminal_ ? 1 : 25;
  const std::int64_t percent = done * 100 / total_ / step * step;
  if (percent <= shown_ || (!is_terminal_ && percent == 0)) return;
  shown_ = percent;
  if (!is_terminal_) {
    std::fputs(fmt::format("{}: {} of {}\n", what_, grouped(done), grouped(total_)).c_str(),
               stderr);
    return;
  }
  const auto full = static_cast<std::size_t>(percent * kBarCells / 100);
  std::fputs(
      fmt::format("\r{} [{}{}] {:3} %  {} of {}\033[K", what_, std::string(full, '#'),
                  std::string(kBarCells - full, '.'), percent, grouped(done), grouped(total_))
          .c_str(),
      stderr);
  std::fflush(stderr);
}

}  // namespace pollbus::election_office
