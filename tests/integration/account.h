#pragma once

#include <map>
#include <string>
#include <vector>

#include "election/vote.h"

namespace pollbus::testing {

// A vote and the answers to its UUID, in the order in which they arrived.
struct Account {
  SubmittedVote vote;
  std::vector<Outcome> answers{};

  bool is_answered() const { return !answers.empty(); }
  bool is_accepted() const { return is_answered() && answers.front() == Outcome::kSuccessful; }
};

// By UUID.
using Accounts = std::map<std::string, Account>;

}  // namespace pollbus::testing
