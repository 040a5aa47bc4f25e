#include "voting_machine/machine_settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "election/uuid.h"
#include "election/vote.h"
#include "election/wire.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::int64_t kMaxInFlight = 100'000;
constexpr std::chrono::hours kMaxPatience{366 * 24};
constexpr char kGoogleHost[] = "pubsub.googleapis.com";

std::optional<std::string> check_leftover(const std::string& value) {
  if (value == "refuse" || value == "cast" || value == "discard") return std::nullopt;
  return "expected refuse, cast or discard";
}

}  // namespace

MachineSettings::MachineSettings() {
  worker.topic = wire::kTopic;
  worker.subscription_variable = wire::kSubscriptionVariable;
}

void MachineSettings::add_to(Settings& settings) {
  settings.integer({"election", "ELECTION_ID", "ID", "The election; without it, the program asks"},
                   &election, 0, kMaxId);
  settings.integer({"machine", "MACHINE_ID", "ID", "This machine; without it, the program asks"},
                   &machine, 0, kMaxId);
  settings.integer(
      {"votes", "", "N",
       "Cast N votes, wait for their answers, and end; without it, cast until stopped"},
      &votes, 0, kMaxId);
  settings.number(
      {"rate", "", "R", "Votes a second; 0: as fast as answers come [1; with --votes: 0]"}, &rate,
      0, kMaxRate);
  settings.rule([this]() -> std::optional<std::string> {
    if (!rate || *rate == 0 || *rate >= kMinRate) return std::nullopt;
    return "--rate: expected 0 or a number from 0.000001 to 1000000";
  });
  settings.integer(
      {"in-flight", "", "K", "The most votes that may wait for an answer at the same time"},
      &in_flight, 1, kMaxInFlight);
  settings.integer({"voters", "", "V", "Voters are random, from 0 to V-1"}, &voters, 1, kMaxId);
  settings.integer({"choices", "", "C", "Choices are random, from 0 to C-1"}, &choices, 1,
                   kMaxChoice);
  settings.integer(
      {"seed", "", "S", "Casts the voters and choices of another run with the same seed"}, &seed, 0,
      kMaxId);
  settings.seconds({"patience-s", "", "SECONDS",
                    "With --votes: how long to wait for the last answers before ending"},
                   &patience, std::chrono::seconds(0), kMaxPatience);
  settings.text({"journal", "JOURNAL_FILE", "FILE",
                 "Keeps the votes that have no answer yet, also over a restart; default: "
                 "~/.local/state/pollbus/voting-machine-<election>-<machine>.journal"},
                &journal, check_not_empty);
  settings.text({"leftover-votes", "", "refuse|cast|discard",
                 "What to do if the journal has votes that were cast on another bus, or before "
                 "this one was set up anew: refuse to start, cast them here, or delete them"},
                &leftover_votes, check_leftover);
  settings.text({"summary", "", "FILE", "At the end, write what became of the votes, as JSON"},
                &summary, check_not_empty);
  settings.boolean({"quiet", "", "", "Do not print each vote and its answer"}, &quiet);
  settings.boolean({"show-votes", "", "",
                    "Print voter, choice and UUID of each vote even if standard output is not a "
                    "terminal; it may end up in a log"},
                   &show_votes);
  keys.add_to(settings);
  worker.add_to(settings);
  service.add_to(settings);
}

Load MachineSettings::load() const {
  return {.election = *election,
          .machine = *machine,
          .votes = votes,
          .rate = rate.value_or(votes ? 0 : 1),
          .in_flight = in_flight,
          .patience = patience};
}

RandomVoter MachineSettings::voter() const {
  return {seed ? static_cast<std::uint64_t>(*seed) : std::random_device{}(), voters, choices};
}

WorkerConfig MachineSettings::worker_config() const {
  WorkerConfig config = worker;
  config.new_identity = random_uuid();
  config.filter = wire::result_filter(*machine);
  if (config.subscription.empty())
    config.subscription = fmt::format("election-result-{}-sub", *machine);
  return config;
}

JournalOwner MachineSettings::journal_owner(const std::string& life) const {
  return {.election = *election,
          .machine = *machine,
          .topic = worker.bus.topic_path(worker.topic),
          .host = worker.bus.is_emulator() ? worker.bus.emulator_host : kGoogleHost,
          .life = life};
}

LeftoverVotes MachineSettings::leftover() const {
  if (leftover_votes == "cast") return LeftoverVotes::kCast;
  if (leftover_votes == "discard") return LeftoverVotes::kDiscard;
  return LeftoverVotes::kRefuse;
}

VotePrinter::Show MachineSettings::show() const {
  return show_votes || isatty(STDOUT_FILENO) != 0 ? VotePrinter::Show::kVotes
                                                  : VotePrinter::Show::kNothingSecret;
}

std::string MachineSettings::journal_path() const {
  if (!journal.empty()) return journal;
  std::filesystem::path folder = ".";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    folder = std::filesystem::path(state) / "pollbus";
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    folder = std::filesystem::path(home) / ".local/state/pollbus";
  }
  std::error_code ignored;  // opening the journal reports what is wrong
  std::filesystem::create_directories(folder, ignored);
  return (folder / fmt::format("voting-machine-{}-{}.journal", *election, *machine)).string();
}

}  // namespace pollbus::voting_machine
