#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "election/definition.h"
#include "election/event.h"
#include "election/vote.h"
#include "faults/checker/evidence.h"
#include "faults/sim/profile.h"
#include "faults/sim/random.h"

namespace pollbus::faults {

constexpr std::int64_t kElection = 12;

// Who may vote for what in a simulated election, if an office has defined it.
class Electorate {
 public:
  static constexpr std::int64_t kChoices = 3;  // 0, 1 and 2

  // `begin`: the time at which the simulation begins.
  Electorate(const Profile& profile, WallTime begin);

  const Definition& definition() const { return definition_; }
  // Ascending by voter. Every fifth voter is not on it.
  const std::vector<RollEntry>& roll() const { return roll_; }
  // A voter whom the office adds while the election is open, if it does.
  const std::optional<RollEntry>& late_voter() const { return late_voter_; }

  // Gives the vote its voter's code, if there are codes, and sometimes a mistake.
  SubmittedVote complete(SubmittedVote vote, Random& random) const;
  Eligible judge(const SubmittedVote& vote) const;

 private:
  RollEntry entry_of(std::int64_t voter) const;

  const Profile& profile_;
  Definition definition_;
  std::vector<RollEntry> roll_;
  std::optional<RollEntry> late_voter_;
};

}  // namespace pollbus::faults
