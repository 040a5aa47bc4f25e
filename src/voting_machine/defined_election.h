#pragma once

#include <iosfwd>
#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "base/clock.h"
#include "bus/publisher.h"
#include "voting_machine/election_guide.h"
#include "voting_machine/load_generator.h"
#include "voting_machine/machine_settings.h"

namespace pollbus::voting_machine {

// What a machine at a terminal knows about its election, if it has the office's key. Borrows its
// arguments. take() is thread-safe; choose_voter() belongs to one thread.
class DefinedElection {
 public:
  DefinedElection(const MachineSettings& settings, Publisher& topic, Clock& clock,
                  const MachineKeys& keys);

  // Handles an answer about the election; false if the message is none.
  bool take(const ReceivedMessage& message) { return guide_ && guide_->take(message); }

  // Asks the bus for the definition, shows title and choices, and asks the person for what the
  // settings leave out. `voter` is then what the settings ask for: one person, or random votes for
  // the choices that exist. INVALID_ARGUMENT if the settings do not fit the definition or the input
  // ends, DEADLINE_EXCEEDED if no recorder answers, CANCELLED if a stop is requested.
  absl::Status choose_voter(std::istream& in, std::ostream& out, std::stop_token stop,
                            Voter* voter);

 private:
  absl::Status learn(std::stop_token stop);

  const MachineSettings& settings_;
  Clock& clock_;
  std::optional<ElectionGuide> guide_;
};

}  // namespace pollbus::voting_machine
