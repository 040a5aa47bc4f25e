#include "base/failpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "base/logging.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;

// In the order of the enumeration.
constexpr std::array<std::string_view, 26> kPlaces = {
    "machine.before_journal",  "machine.after_journal",  "machine.before_publish",
    "machine.after_publish",   "machine.before_answer",  "machine.after_answer",
    "machine.before_erase",    "machine.after_erase",    "logger.before_mark",
    "logger.after_mark",       "logger.before_publish",  "logger.after_publish",
    "logger.before_ack",       "recorder.before_commit", "recorder.after_commit",
    "recorder.before_publish", "recorder.after_publish", "recorder.before_ack",
    "bus.before_ack",          "bus.after_ack",          "broker.before_sync",
    "broker.after_sync",       "broker.before_answer",   "broker.after_answer",
    "broker.before_ack",       "broker.after_ack"};
static_assert(kPlaces.size() == static_cast<std::size_t>(Failpoint::kBrokerAfterAck) + 1);

constexpr std::array<std::string_view, 25> kMutants = {"fresh-uuid-on-retry",
                                                       "forgotten-at-time-out",
                                                       "journal-erased-at-time-out",
                                                       "late-answers-ignored",
                                                       "journal-not-synced",
                                                       "publish-before-journal",
                                                       "ack-before-publish",
                                                       "ack-what-failed",
                                                       "acks-of-another-batch",
                                                       "publish-not-awaited",
                                                       "transient-is-rejection",
                                                       "set-without-nx",
                                                       "no-fingerprint",
                                                       "fingerprint-of-voter-only",
                                                       "publish-before-mark",
                                                       "repeated-vote-not-forwarded",
                                                       "no-receipt",
                                                       "receipt-per-batch",
                                                       "receipt-of-message-id",
                                                       "answer-before-commit",
                                                       "commit-failure-ignored",
                                                       "result-to-the-wrong-machine",
                                                       "bus-not-synced",
                                                       "register-not-synced",
                                                       "ballot-box-not-synced"};
static_assert(kMutants.size() == static_cast<std::size_t>(Mutant::kBallotBoxNotSynced) + 1);

enum class Action { kCrash, kHang, kFail };

struct Rule {
  std::size_t place = 0;
  Action action = Action::kFail;
  std::optional<milliseconds> hang;  // absent: for ever
  std::optional<std::int64_t> nth;   // absent: each time
  std::optional<double> probability;
  std::minstd_rand random{std::random_device{}()};
  std::int64_t reached = 0;

  bool applies() {
    ++reached;
    if (nth && reached != *nth) return false;
    return !probability || std::uniform_real_distribution<>()(random) < *probability;
  }
};

struct Armed {
  std::mutex mutex;
  std::vector<Rule> rules;
  std::vector<Mutant> mutants;
};

Armed& armed() {
  static Armed the;
  return the;
}

thread_local FailpointOracle* oracle = nullptr;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

template <typename Number>
bool read_number(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number >= 0;
}

bool read_duration(std::string_view text, Rule* rule) {
  const bool in_ms = text.ends_with("ms");
  if (!in_ms && !text.ends_with("s")) return false;
  std::int64_t count = 0;
  if (!read_number(text.substr(0, text.size() - (in_ms ? 2 : 1)), &count)) return false;
  rule->hang = in_ms ? milliseconds(count) : milliseconds(std::chrono::seconds(count));
  return true;
}

bool read_condition(const std::string& text, Rule* rule) {
  const std::string_view view = text;
  if (text == "once") {
    rule->nth = 1;
    return true;
  }
  if (text.starts_with("nth=")) {
    return read_number(view.substr(4), &rule->nth.emplace()) && *rule->nth > 0;
  }
  if (text.starts_with("p=")) {
    return read_number(view.substr(2), &rule->probability.emplace()) && *rule->probability <= 1;
  }
  if (std::uint32_t seed = 0; text.starts_with("seed=") && read_number(view.substr(5), &seed)) {
    rule->random.seed(seed);
    return true;
  }
  return rule->action == Action::kHang && read_duration(text, rule);
}

// `place=action` or `place=action(condition,…)`; says what is wrong, or nothing.
std::optional<std::string> read_rule(const std::string& text, Rule* rule) {
  const std::size_t equals = text.find('=');
  const auto place = std::ranges::find(kPlaces, text.substr(0, equals));
  if (place == kPlaces.end()) {
    return fmt::format("no failpoint is called \"{}\"; there are: {}", text.substr(0, equals),
                       fmt::join(kPlaces, ", "));
  }
  rule->place = static_cast<std::size_t>(place - kPlaces.begin());
  const std::string what = equals == text.npos ? "" : text.substr(equals + 1);
  const std::size_t bracket = std::min(what.find('('), what.size());
  const std::string action = what.substr(0, bracket);
  if (action != "crash" && action != "hang" && action != "fail") {
    return fmt::format("{}: expected crash, hang or fail", *place);
  }
  rule->action = action == "crash"  ? Action::kCrash
                 : action == "hang" ? Action::kHang
                                    : Action::kFail;
  if (bracket == what.size()) return std::nullopt;
  if (!what.ends_with(')')) return fmt::format("{}: a closing bracket is missing", *place);
  for (const std::string& condition :
       split(what.substr(bracket + 1, what.size() - bracket - 2), ',')) {
    if (!read_condition(condition, rule)) {
      return fmt::format(
          "{}: what is \"{}\"? Expected once, nth=3, p=0.01, seed=7, or 5s or 200ms "
          "to hang",
          *place, condition);
    }
  }
  return std::nullopt;
}

// All problems in one text, or nothing.
std::optional<std::string> read_rules(const std::string& text, std::vector<Rule>* rules) {
  std::vector<std::string> problems;
  for (const std::string& part : split(text, ';')) {
    Rule rule;
    if (auto problem = read_rule(part, &rule)) problems.push_back(*std::move(problem));
    rules->push_back(std::move(rule));
  }
  if (problems.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(problems, "; "));
}

absl::Status carry_out(Action action, std::optional<milliseconds> hang, std::string_view place) {
  switch (action) {
    case Action::kCrash:
      log_warning("failpoint: crash", {{"place", place}});
      _exit(kFailpointExitCode);
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

absl::Status failpoint(Failpoint place) {
  if (oracle != nullptr) return oracle->reached(place);
  const auto index = static_cast<std::size_t>(place);
  Armed& the = armed();
  std::unique_lock lock(the.mutex);
  for (Rule& rule : the.rules) {
    if (rule.place != index || !rule.applies()) continue;
    const Action action = rule.action;
    const auto hang = rule.hang;
    lock.unlock();
    return carry_out(action, hang, kPlaces[index]);
  }
  return absl::OkStatus();
}

bool is_mutant(Mutant mutant) {
  if (oracle != nullptr) return oracle->mutant == mutant;
  // Set before any thread, never changed.
  return std::ranges::find(armed().mutants, mutant) != armed().mutants.end();
}

std::optional<std::string> check_failpoints(const std::string& text) {
  std::vector<Rule> rules;
  return read_rules(text, &rules);
}

std::optional<std::string> check_mutants(const std::string& text) {
  for (const std::string& name : split(text, ',')) {
    if (mutant_named(name)) continue;
    return fmt::format("no mutant is called \"{}\"; there are: {}", name,
                       fmt::join(kMutants, ", "));
  }
  return std::nullopt;
}

void set_failpoints(const std::string& failpoints, const std::string& mutants) {
  Armed& the = armed();
  const std::lock_guard lock(the.mutex);
  the.rules.clear();
  the.mutants.clear();
  [[maybe_unused]] const auto problem = read_rules(failpoints, &the.rules);
  assert(!problem);
  for (const std::string& name : split(mutants, ',')) the.mutants.push_back(*mutant_named(name));
}

void set_oracle_of_this_thread(FailpointOracle* its_oracle) { oracle = its_oracle; }

std::string to_string(Failpoint place) {
  return std::string(kPlaces[static_cast<std::size_t>(place)]);
}

std::string to_string(Mutant mutant) {
  return std::string(kMutants[static_cast<std::size_t>(mutant)]);
}

std::optional<Mutant> mutant_named(const std::string& name) {
  const auto found = std::ranges::find(kMutants, name);
  if (found == kMutants.end()) return std::nullopt;
  return static_cast<Mutant>(found - kMutants.begin());
}

int mutant_count() { return static_cast<int>(kMutants.size()); }

}  // namespace pollbus
