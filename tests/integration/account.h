#pragma once

#include <map>
#include <string>
#include <vector>

#include "election/vote.h"

namespace pollbus::testing {

// A vote and every answer that its UUID was given, in the order of their arrival.
struct Account {
  SubmittedVote vote;
  std::vector<Outcome> answers{};

  bool is_answered() const { return !answers.empty(); }
  bool is_accepted() const { return is_answered() && answers.front() == Outcome::kSuccessful; }
};

// By UUID.
using Accounts = std::map<std::string, Account>;

}  // namespace pollbus::testing
