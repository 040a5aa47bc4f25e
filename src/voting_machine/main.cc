// voting-machine: casts votes and waits for their answers.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "base/metrics.h"
#include "base/service.h"
#include "base/status.h"
#include "bus/worker.h"
#include "election/wire.h"
#include "voting_machine/journal.h"
#include "voting_machine/machine.h"
#include "voting_machine/machine_metrics.h"
#include "voting_machine/report.h"
#ifdef POLLBUS_FAILPOINTS
#include "voting_machine/history_file.h"
#endif

namespace pollbus::voting_machine {
namespace {

constexpr int kExitPending = 1;
constexpr int kExitNoAnswer = 2;
constexpr std::chrono::milliseconds kProgressInterval{500};
constexpr std::chrono::milliseconds kMetricsInterval{500};

struct MachineSettings {
  ServiceSettings service;
  WorkerConfig worker{.topic = wire::kTopic, .subscription_variable = wire::kSubscriptionVariable};
  std::optional<std::int64_t> election;
  std::optional<std::int64_t> machine;
  std::optional<std::int64_t> votes;
  std::optional<std::int64_t> seed;
  std::optional<double> rate;
  std::int64_t in_flight = 1;
  std::int64_t voters = 100;
  std::int64_t choices = 5;
  std::int64_t patience_s = 120;
  std::string journal;
  std::string summary;
  bool quiet = false;
#ifdef POLLBUS_FAILPOINTS
  std::string history;
  Secret history_key;
#endif

  void add_to(Settings& settings);
  Load load() const {
    return {.election = *election,
            .machine = *machine,
            .votes = votes,
            .rate = rate.value_or(votes ? 0 : 1),
            .in_flight = in_flight,
            .patience = std::chrono::seconds(patience_s)};
  }
};

void MachineSettings::add_to(Settings& settings) {
  settings.optional_integer(
      {"election", "ELECTION_ID", "ID", "The election; asked for when absent"}, &election, 0,
      kMaxId);
  settings.optional_integer({"machine", "MACHINE_ID", "ID", "This machine; asked for when absent"},
                            &machine, 0, kMaxId);
  settings.optional_integer(
      {"votes", "", "N", "Cast N votes, wait for their answers, and end; absent: until stopped"},
      &votes, 0, kMaxId);
  settings.optional_number(
      {"rate", "", "R", "Votes a second; 0: as fast as answers allow [1; with --votes 0]"}, &rate,
      0, 1e6);
  settings.integer({"in-flight", "", "K", "Votes under way at once, at most"}, &in_flight, 1,
                   100'000);
  settings.integer({"voters", "", "V", "Voters are random, from 0 to V-1"}, &voters, 1, kMaxId);
  settings.integer({"choices", "", "C", "Choices are random, from 0 to C-1"}, &choices, 1,
                   kMaxChoice);
  settings.optional_integer(
      {"seed", "", "S", "Repeats voters and choices of another run with this seed"}, &seed, 0,
      kMaxId);
  settings.integer(
      {"patience-s", "", "SECONDS", "With --votes: how long the last answers are waited for"},
      &patience_s);
  settings.text({"journal", "JOURNAL_FILE", "FILE",
                 "Votes without an answer, kept over a restart; default: "
                 "~/.local/state/pollbus/voting-machine-<election>-<machine>.journal"},
                &journal, check_not_empty);
  settings.text({"summary", "", "FILE", "Write what has become of the votes, as JSON"}, &summary,
                check_not_empty);
  settings.boolean({"quiet", "", "", "Do not print what is sent and received"}, &quiet);
#ifdef POLLBUS_FAILPOINTS
  settings.text({"", "POLLBUS_HISTORY", "FILE", "Append what it lives through, for tests"},
                &history, check_not_empty);
  settings.secret({"history-key", "POLLBUS_HISTORY_KEY", "KEY", "Hides voters in the history"},
                  &history_key, HashKey::check);
  settings.rule([this]() -> std::optional<std::string> {
    if (history.empty() || !history_key.empty()) return std::nullopt;
    return "POLLBUS_HISTORY_KEY: a history needs one";
  });
#endif
  worker.add_to(settings);
  service.add_to(settings);
}

// Asks until the answer is an id; nothing at the end of the input.
std::optional<std::int64_t> ask(const std::string& what) {
  std::string line;
  while (true) {
    std::cout << fmt::format("Please enter the {} ID (integer): ", what) << std::flush;
    if (!std::getline(std::cin, line)) return std::nullopt;
    Settings answer("", "");
    std::optional<std::int64_t> id;
    answer.optional_integer({"id", "", "", ""}, &id, 0, kMaxId);
    const char* const words[] = {"", "--id", line.c_str()};
    if (answer.parse(3, words) == Settings::Outcome::kRun && id) return id;
    std::cout << fmt::format("An ID is an integer from 0 to {}.\n", kMaxId);
  }
}

std::string default_journal(std::int64_t election, std::int64_t machine) {
  std::filesystem::path folder = ".";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    folder = std::filesystem::path(state) / "pollbus";
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    folder = std::filesystem::path(home) / ".local/state/pollbus";
  }
  std::error_code ignored;  // opening the journal tells what is wrong
  std::filesystem::create_directories(folder, ignored);
  return (folder / fmt::format("voting-machine-{}-{}.journal", election, machine)).string();
}

// A line that is written over again and again, where a person watches and nothing else is printed.
std::jthread show_progress(const Machine& machine, const Load& load, Clock& clock, bool lines) {
  if (lines || isatty(STDERR_FILENO) == 0) return {};
  return std::jthread([&machine, load, &clock](std::stop_token stop) {
    while (clock.pause(kProgressInterval, stop)) {
      std::cerr << "\r\033[K" << to_progress(load, machine.tally()) << std::flush;
    }
    std::cerr << "\r\033[K" << to_progress(load, machine.tally()) << std::endl;
  });
}

std::jthread carry_into_metrics(const Machine& machine, Service& service) {
  return std::jthread([&machine, &clock = service.clock(),
                       metrics = MachineMetrics(service.metrics())](std::stop_token stop) mutable {
    while (clock.pause(kMetricsInterval, stop)) metrics.show(machine.tally());
  });
}

absl::Status write_summary(const std::string& path, const Load& load, const Tally& tally) {
  if (path.empty()) return absl::OkStatus();
  std::ofstream file(path);
  file << to_json(load, tally) << "\n";
  file.close();
  if (!file) return absl::UnavailableError("cannot write the summary to " + path);
  return absl::OkStatus();
}

absl::StatusOr<Tally> run(MachineSettings settings) {
  const Load load = settings.load();
  Service service("voting-machine", settings.service);
  RETURN_IF_ERROR(service.start_http());
  if (settings.journal.empty()) settings.journal = default_journal(load.election, load.machine);
  ASSIGN_OR_RETURN(const auto journal,
                   Journal::open(settings.journal, fmt::format("election {} machine {}",
                                                               load.election, load.machine)));
  settings.worker.filter = wire::result_filter(load.machine);
  if (settings.worker.subscription.empty()) {
    settings.worker.subscription = fmt::format("election-result-{}-sub", load.machine);
  }
  const std::string subscription =
      settings.worker.bus.subscription_path(settings.worker.subscription);
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));

  std::unique_ptr<History> history;
#ifdef POLLBUS_FAILPOINTS
  if (!settings.history.empty()) {
    ASSIGN_OR_RETURN(const auto key, HashKey::parse(settings.history_key.reveal()));
    ASSIGN_OR_RETURN(history,
                     open_history_file(settings.history, key, load.election, load.machine));
  }
#endif
  const bool lines = !settings.quiet && load.in_flight == 1;
  const auto seed =
      settings.seed ? static_cast<std::uint64_t>(*settings.seed) : std::random_device{}();
  Machine machine({.journal = *journal,
                   .bus = worker->intake_parts(),
                   .clock = service.clock(),
                   .metrics = service.metrics(),
                   .lines = lines ? &std::cout : nullptr,
                   .history = history.get()},
                  load, RandomVoter(seed, settings.voters, settings.choices));
  const auto metrics = carry_into_metrics(machine, service);
  RETURN_IF_ERROR(worker->start(
      [&](auto batch, auto stop) { return machine.on_results(batch, std::move(stop)); }));
  if (lines)
    std::cout << fmt::format("Listening for messages on {}..\n", subscription) << std::endl;
  absl::Status status;
  {
    const auto progress = show_progress(machine, load, service.clock(), lines);
    status = machine.run(service.stop_token());
  }
  const bool stopped = service.stop_token().stop_requested();
  service.shutdown().request();
  worker->wait_and_drain();
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(machine.erase_answered());
  Tally tally = machine.tally();
  if (tally.pending > 0) {
    log_warning("votes without an answer stay in the journal; the next start publishes them again",
                {{"votes", tally.pending}, {"journal", settings.journal}});
  }
  RETURN_IF_ERROR(write_summary(settings.summary, load, tally));
  if (stopped) tally.pending = 0;  // who stops it knows
  return tally;
}

}  // namespace
}  // namespace pollbus::voting_machine

int main(int argc, char** argv) {
  using namespace pollbus;
  voting_machine::MachineSettings machine;
  Settings settings("voting-machine",
                    "Casts random votes on the bus and waits for the answer to each.");
  machine.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(machine.service)) return *code;
  if (!machine.election) machine.election = voting_machine::ask("election");
  if (machine.election && !machine.machine) machine.machine = voting_machine::ask("machine");
  if (!machine.election || !machine.machine) return voting_machine::kExitNoAnswer;
  const auto tally = voting_machine::run(std::move(machine));
  if (const int code = exit_code(tally.status()); code != 0 || !tally.ok()) return code;
  return tally->pending > 0 ? voting_machine::kExitPending : 0;
}
