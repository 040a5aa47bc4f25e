#include "faults/decorators/failure_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "absl/strings/str_split.h"
#include "base/logging.h"

namespace pollbus::faults {
namespace {

using std::chrono::milliseconds;

enum class Action { kCrash, kHang, kFail };

std::vector<std::string> split(const std::string& text, char separator) {
  return absl::StrSplit(text, separator, absl::SkipEmpty());
}

// A number from 0 on.
template <typename Number>
bool read_number(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number >= 0;
}

std::optional<milliseconds> read_duration(std::string_view text) {
  const bool is_in_ms = text.ends_with("ms");
  if (!is_in_ms && !text.ends_with("s")) return std::nullopt;
  std::int64_t count = 0;
  if (!read_number(text.substr(0, text.size() - (is_in_ms ? 2 : 1)), &count)) return std::nullopt;
  return is_in_ms ? milliseconds(count) : milliseconds(std::chrono::seconds(count));
}

absl::Status carry_out(Action action, std::optional<milliseconds> hang, std::string_view place) {
  switch (action) {
    case Action::kCrash:
      log_warning("failpoint: crash", {{"place", place}});
      _exit(FailurePlan::kCrashExitCode);
    case Action::kHang:
      log_warning("failpoint: hang", {{"place", place}});
      do {
        std::this_thread::sleep_for(hang.value_or(std::chrono::hours(1)));
      } while (!hang);
      return absl::OkStatus();
    case Action::kFail:
      break;
  }
  log_warning("failpoint: fail", {{"place", place}});
  return absl::UnavailableError(fmt::format("failpoint {}", place));
}

}  // namespace

struct FailurePlan::Rule {
  std::string place;
  Action action = Action::kFail;
  std::optional<milliseconds> hang;  // absent: until the process is killed
  std::optional<std::int64_t> nth;   // absent: each time
  std::optional<double> probability;
  std::minstd_rand random{std::random_device{}()};
  std::int64_t reached = 0;

  // Each returns what is wrong with the text, or nothing.
  std::optional<std::string> read(const std::string& text,
                                  std::span<const std::string_view> places);
  std::optional<std::string> read_action(const std::string& text);
  bool read_condition(std::string_view text);
  bool applies();
};

bool FailurePlan::Rule::applies() {
  ++reached;
  if (nth && reached != *nth) return false;
  return !probability || std::uniform_real_distribution<>()(random) < *probability;
}

std::optional<std::string> FailurePlan::Rule::read(const std::string& text,
                                                   std::span<const std::string_view> places) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  place = parts.first;
  if (std::ranges::find(places, place) == places.end()) {
    return fmt::format("this program has no place \"{}\"; its places are {}", place,
                       fmt::join(places, ", "));
  }
  return read_action(parts.second);
}

std::optional<std::string> FailurePlan::Rule::read_action(const std::string& text) {
  const std::size_t bracket = std::min(text.find('('), text.size());
  const std::string_view name = std::string_view(text).substr(0, bracket);
  if (name != "crash" && name != "hang" && name != "fail")
    return fmt::format("{}: expected crash, hang or fail", place);
  action = name == "crash" ? Action::kCrash : name == "hang" ? Action::kHang : Action::kFail;
  if (bracket == text.size()) return std::nullopt;
  if (!text.ends_with(')')) return fmt::format("{}: a closing bracket is missing", place);
  const std::string conditions = text.substr(bracket + 1, text.size() - bracket - 2);
  for (const std::string& condition : split(conditions, ',')) {
    if (!read_condition(condition)) {
      return fmt::format(
          "{}: expected once, nth=3, p=0.01, seed=7, or a duration of a hang such as 5s or 200ms, "
          "not \"{}\"",
          place, condition);
    }
  }
  return std::nullopt;
}

bool FailurePlan::Rule::read_condition(std::string_view text) {
  if (text == "once") {
    nth = 1;
    return true;
  }
  if (text.starts_with("nth=")) return read_number(text.substr(4), &nth.emplace()) && *nth > 0;
  if (text.starts_with("p="))
    return read_number(text.substr(2), &probability.emplace()) && *probability <= 1;
  if (std::uint32_t seed = 0; text.starts_with("seed=") && read_number(text.substr(5), &seed)) {
    random.seed(seed);
    return true;
  }
  hang = read_duration(text);
  return action == Action::kHang && hang;
}

FailurePlan::FailurePlan() = default;
FailurePlan::~FailurePlan() = default;

absl::StatusOr<std::unique_ptr<FailurePlan>> FailurePlan::parse(
    const std::string& text, std::span<const std::string_view> places) {
  std::unique_ptr<FailurePlan> plan(new FailurePlan());
  std::vector<std::string> problems;
  for (const std::string& part : split(text, ';')) {
    if (auto problem = plan->rules_.emplace_back().read(part, places))
      problems.push_back(*std::move(problem));
  }
  if (problems.empty()) return plan;
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(problems, "; ")));
}

absl::Status FailurePlan::reached(std::string_view place) {
  std::unique_lock lock(mutex_);
  for (Rule& rule : rules_) {
    if (rule.place != place || !rule.applies()) continue;
    const auto [action, hang] = std::pair(rule.action, rule.hang);
    lock.unlock();
    return carry_out(action, hang, place);
  }
  return absl::OkStatus();
}

}  // namespace pollbus::faults
