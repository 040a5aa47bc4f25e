#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/service.h"
#include "base/settings.h"
#include "bus/worker.h"
#include "election/key_settings.h"
#include "election/result_topics.h"
#include "voting_machine/journal_owner.h"
#include "voting_machine/load_generator.h"
#include "voting_machine/vote_printer.h"

namespace pollbus::voting_machine {

// The settings of the program voting-machine. `election` and `machine` may still be absent after
// parsing; everything below add_to() needs them.
struct MachineSettings {
  MachineSettings();
  void add_to(Settings& settings);
  void add_defined_elections(Settings& settings);

  Load load() const;
  // Random votes, or with --codes those of the voters with these codes. Errors are those of
  // read_codes().
  absl::StatusOr<Voter> simulated_voter() const;
  WorkerConfig worker_config() const;
  JournalOwner journal_owner(const std::string& life) const;
  LeftoverVotes leftover() const;
  // The file that --journal names, or the default one, whose folder is made if it is missing.
  std::string journal_path() const;
  // Whether each vote is printed: with more than one vote under way that would be a flood.
  bool prints_each_vote() const { return !quiet && in_flight == 1; }
  // Whether to cast the vote of one person, and to ask for what was not given.
  bool is_one_person() const { return voter || choice || !code.empty(); }
  // Voter, choice and UUID are shown to a person at a terminal only, unless they are asked for.
  VotePrinter::Show show() const;

  ServiceSettings service;
  WorkerConfig worker;
  ResultTopics result_topics;
  KeySettings keys = KeySettings::of_machine();
  std::optional<std::int64_t> election;
  std::optional<std::int64_t> machine;
  std::optional<std::int64_t> votes;
  std::optional<std::int64_t> seed;
  std::optional<double> rate;
  std::int64_t in_flight = 1;
  std::int64_t voters = 100;
  std::int64_t choices = 5;
  std::chrono::seconds patience{120};
  std::string journal;
  std::string leftover_votes = "refuse";
  std::string summary;
  bool quiet = false;
  bool show_votes = false;
  // Elections that are defined.
  std::string office_public_key;  // empty: the machine knows no definitions
  std::optional<std::int64_t> voter;
  std::optional<std::int64_t> choice;
  std::string code;
  std::string codes;
  // The page for voters.
  std::string kiosk;
  std::string event;
  bool kiosk_print = false;
};

}  // namespace pollbus::voting_machine
