#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "bus/publisher.h"
#include "bus/subscriber.h"
#include "stores/ballot_box.h"
#include "stores/voter_register.h"
#include "voting_machine/journal_file.h"

namespace pollbus::faults {

// A service or server with one known mistake, which proves that the simulation finds that mistake.
// Each function puts something wrong around one part of a service; an empty one leaves the part as
// it is. Mistakes that need another order of steps are patches (*.patch in this folder).
// A change to the text of a script that Redis runs.
struct ScriptEdit {
  std::string_view find;
  std::string_view replacement;
};

struct Mutant {
  template <typename Part>
  using Around = std::function<std::unique_ptr<Part>(std::unique_ptr<Part>)>;
  // Runs a function on a new thread of the service.
  using Spawn = std::function<void(std::function<void()>)>;
  using AroundHandler = std::function<BatchHandler(BatchHandler, Spawn)>;

  std::string_view name;
  Around<voting_machine::JournalFile> journal;
  Around<VoterRegister> voters;
  Around<BallotBox> ballots;
  Around<Publisher> machine_publisher;
  Around<Publisher> logger_publisher;
  Around<Publisher> recorder_publisher;
  AroundHandler service_handler;  // of loggers and recorders

  // What is wrong with a simulated server.
  bool bus_forgets = false;
  bool redis_forgets = false;
  bool redis_overwrites = false;
  bool postgres_forgets = false;
  bool postgres_stores_again = false;
  bool redis_time_of_client = false;  // a script gets the time of the logger that calls it
  bool redis_state_is_old = false;    // and the state of the election from an earlier request
  bool postgres_seals_early = false;  // whatever the number of votes
  std::vector<ScriptEdit> redis_scripts;
};

// All mutants except the patches.
const std::vector<Mutant>& mutants();
// nullptr when none has this name.
const Mutant* mutant_named(std::string_view name);

}  // namespace pollbus::faults
