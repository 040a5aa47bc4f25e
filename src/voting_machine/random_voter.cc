#include "voting_machine/random_voter.h"

namespace pollbus::voting_machine {

SubmittedVote RandomVoter::cast(std::int64_t election, std::int64_t machine,
                                std::int64_t timestamp_ms) {
  // Drawn one after the other, so that the same seed gives the same votes with every compiler.
  const std::int64_t voter = voter_(random_);
  const std::int64_t choice = choice_(random_);
  return {.election = election,
          .machine = machine,
          .voter = voter,
          .choice = choice,
          .uuid = new_uuid_(),
          .timestamp_ms = timestamp_ms};
}

}  // namespace pollbus::voting_machine
