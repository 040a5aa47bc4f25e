#include "voting_machine/machine_settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/status.h"
#include "election/signature.h"
#include "election/uuid.h"
#include "election/vote.h"
#include "election/voter_code.h"
#include "election/wire.h"
#include "voting_machine/code_list.h"
#include "voting_machine/random_voter.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::int64_t kMaxInFlight = 100'000;
constexpr std::chrono::hours kMaxPatience{366 * 24};
// A kiosk's journal holds votes of all elections of its event.
constexpr std::int64_t kSeveralElections = -1;
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
      {"rate", "", "R",
       "Votes a second, above 100 in groups; 0: as fast as answers come [1; with --votes: 0]"},
      &rate, 0, kMaxRate);
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
  add_defined_elections(settings);
  keys.add_to(settings);
  worker.add_to(settings);
  result_topics.add_to(settings);
  service.add_to(settings);
}

void MachineSettings::add_defined_elections(Settings& settings) {
  settings.text({"office-public-key", "OFFICE_PUBLIC_KEY", "HEX",
                 "The office's public key: with it, the machine asks for the definition of its "
                 "election and casts only votes that fit it"},
                &office_public_key, OfficePublicKey::check);
  settings.integer({"voter", "", "ID",
                    "Cast one vote, of this voter, and end; asks for the choice without --choice"},
                   &voter, 0, kMaxId);
  settings.integer({"choice", "", "C", "Cast one vote, for this choice, and end"}, &choice, 0,
                   kMaxChoice);
  settings.text({"code", "VOTER_CODE", "CODE",
                 "Cast one vote, of the voter with this code, and end; needs OFFICE_PUBLIC_KEY"},
                &code, [](const std::string& value) -> std::optional<std::string> {
                  if (parse_voter_code(value)) return std::nullopt;
                  return "expected a voter's code, such as 00A7-3KQ4-...";
                });
  settings.text({"codes", "VOTER_CODES", "FILE",
                 "For rehearsals: cast random votes of the voters whose codes are in this mailing "
                 "list (election-office roll codes), each voter once before any votes again; needs "
                 "OFFICE_PUBLIC_KEY"},
                &codes, check_not_empty);
  settings.text({"kiosk", "KIOSK", "HOST:PORT",
                 "Serve the page on which one person after the other votes, on a loopback address "
                 "(docs/kiosk.md); needs --event and OFFICE_PUBLIC_KEY"},
                &kiosk, check_host_and_port);
  settings.text({"event", "EVENT", "NAME", "With --kiosk: the event whose elections are voted on"},
                &event, check_not_empty);
  settings.boolean({"kiosk-print", "KIOSK_PRINT", "",
                    "With --kiosk: offer to print the tracking code, for stations with a printer"},
                   &kiosk_print);
  settings.rule([this]() -> std::optional<std::string> {
    if (!kiosk.empty() && event.empty()) return "--kiosk: needs --event or EVENT";
    return std::nullopt;
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (!kiosk.empty() && office_public_key.empty())
      return "--kiosk: needs --office-public-key or OFFICE_PUBLIC_KEY";
    return std::nullopt;
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (!code.empty() && office_public_key.empty())
      return "--code: needs --office-public-key or OFFICE_PUBLIC_KEY";
    return std::nullopt;
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (!codes.empty() && office_public_key.empty())
      return "--codes: needs --office-public-key or OFFICE_PUBLIC_KEY";
    return std::nullopt;
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (!codes.empty() && is_one_person())
      return "--codes: casts votes of many voters; leave out --code, --voter and --choice";
    return std::nullopt;
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (!code.empty() && voter) return "--code: the code names the voter; leave out --voter";
    return std::nullopt;
  });
}

Load MachineSettings::load() const {
  return {.election = *election,
          .machine = *machine,
          .votes = is_one_person() ? std::optional<std::int64_t>(1) : votes,
          .rate = rate.value_or(votes || is_one_person() ? 0 : 1),
          .in_flight = in_flight,
          .patience = patience};
}

absl::StatusOr<Voter> MachineSettings::simulated_voter() const {
  const std::uint64_t number =
      seed ? static_cast<std::uint64_t>(*seed) : std::uint64_t{std::random_device{}()};
  if (codes.empty()) return RandomVoter(number, voters, choices);
  ASSIGN_OR_RETURN(auto list, read_codes(codes));
  return CodeVoter(std::move(list), number, choices);
}

WorkerConfig MachineSettings::worker_config() const {
  WorkerConfig config = worker;
  config.new_identity = random_uuid();
  config.filter = wire::result_filter(*machine);
  config.subscription_topic = result_topics.of_machine(worker.topic, *machine);
  if (config.subscription.empty())
    config.subscription = fmt::format("election-result-{}-sub", *machine);
  return config;
}

JournalOwner MachineSettings::journal_owner(const std::string& life) const {
  return {.election = election.value_or(kSeveralElections),
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
  const std::string what = kiosk.empty() ? std::to_string(*election) : "kiosk";
  return (folder / fmt::format("voting-machine-{}-{}.journal", what, *machine)).string();
}

}  // namespace pollbus::voting_machine
