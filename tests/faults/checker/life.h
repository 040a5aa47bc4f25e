#pragma once

// Used inside tests/faults/checker only.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "faults/checker/evidence.h"
#include "faults/checker/votes.h"

namespace pollbus::faults {

// The lives of the elections that an office has defined: when they certainly took votes, and when
// they certainly took none. Between the begin and the end of a step, both may be. Written from
// docs/elections.md, without the functions that the services use.
class Life {
 public:
  explicit Life(const Evidence& evidence);

  bool was_not_open_at(std::int64_t election, std::int64_t t_us) const;
  // Whether the election took no votes from the vote's cast to its first answer. A vote without an
  // answer may be delivered at any time.
  bool was_not_open_for(const Vote& vote) const;
  bool was_sealed_before(std::int64_t election, std::int64_t t_us) const;

  struct Wrong {
    const char* invariant;
    const char* what;
  };
  // What is wrong with the vote's rejection, if it was rejected and anything is.
  std::optional<Wrong> wrong_rejection(const Vote& vote) const;

 private:
  // Whether the election was in this state during all of this time.
  bool was(std::int64_t election, bool is_open, std::int64_t from_us, std::int64_t to_us) const;

  std::map<std::int64_t, std::vector<LifeStep>> steps_;  // by election, in order
  std::map<std::int64_t, std::int64_t> sealed_us_;
};

}  // namespace pollbus::faults
