#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "election/uuid.h"
#include "election/vote.h"

namespace pollbus::voting_machine {

// Makes random votes, like the original simulator: voters from 0 to `voters` - 1 and choices from 0
// to `choices` - 1, evenly distributed. The same seed gives the same voters and choices, but other
// UUIDs, unless `new_uuid` says otherwise. Not thread-safe.
class RandomVoter {
 public:
  RandomVoter(std::uint64_t seed, std::int64_t voters, std::int64_t choices,
              std::function<std::string()> new_uuid = random_uuid)
      : random_(seed),
        voter_(0, voters - 1),
        choice_(0, choices - 1),
        new_uuid_(std::move(new_uuid)) {}

  SubmittedVote cast(std::int64_t election, std::int64_t machine, std::int64_t timestamp_ms);
  SubmittedVote operator()(std::int64_t election, std::int64_t machine, std::int64_t timestamp_ms) {
    return cast(election, machine, timestamp_ms);
  }

 private:
  std::mt19937_64 random_;
  std::uniform_int_distribution<std::int64_t> voter_;
  std::uniform_int_distribution<std::int64_t> choice_;
  std::function<std::string()> new_uuid_;
};

}  // namespace pollbus::voting_machine
