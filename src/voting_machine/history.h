#pragma once

#include <span>
#include <string>

#include "election/vote.h"

namespace pollbus::voting_machine {

// Is told what a machine lives through, as it happens, for who judges a whole election afterwards
// (tests/faults). An implementation that writes it down is built with failpoints only. Called by
// the machine's threads, one at a time for answers and one at a time for all else.
class History {
 public:
  virtual ~History() = default;
  // In the journal, not published yet.
  virtual void cast(std::span<const SubmittedVote> votes) = 0;
  // Found in the journal at the start.
  virtual void recovered(const SubmittedVote& vote) = 0;
  // About to be published again.
  virtual void republished(const std::string& data) = 0;
  // `ends`: the vote was pending, and is not any more.
  virtual void answered(const Result& result, bool ends) = 0;
};

}  // namespace pollbus::voting_machine
