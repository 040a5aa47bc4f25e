#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "election/election_state.h"
#include "election/voter_code.h"
#include "voting_machine/load_generator.h"

namespace pollbus::voting_machine {

// What one person at the terminal votes, as far as it is known.
struct PersonVote {
  std::optional<std::int64_t> voter;
  std::optional<std::int64_t> choice;
  std::string code;
};

// Title, choices, fingerprint and state of an election, for a terminal.
std::string describe(const ElectionState& election, std::int64_t now_ms);

// Fails with INVALID_ARGUMENT if the vote does not fit the definition: another choice than its
// choices, a code where none is needed, or a voter number without the code that it needs.
absl::Status check(const PersonVote& vote, const Definition& definition);

// Asks for what the vote lacks until each answer is possible. `definition` is nullptr for an
// election without one. False if the input ends first.
bool ask_for_missing(std::istream& in, std::ostream& out, const Definition* definition,
                     PersonVote* vote);

// Casts this vote; it must be complete.
Voter voter_of(PersonVote vote);

// Casts random votes for the choices of this election only.
Voter within(Voter voter, const Definition& definition);

}  // namespace pollbus::voting_machine
