#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "election/keyed_hash.h"
#include "faults/checker/evidence.h"

namespace pollbus::faults {

// The keys of the marks and of the voters' pseudonyms.
struct Keys {
  HashKey logger;
  HashKey pseudonyms;
};

struct Violation {
  std::string invariant;  // "I1" to "I8", "bad input"
  std::string uuid;       // of the vote; empty if it concerns no single vote
  std::string what;
};

struct Judgement {
  std::int64_t votes = 0;
  std::int64_t successful = 0;
  std::int64_t already_voted = 0;
  std::int64_t timed_out = 0;  // votes that were published again
  std::vector<Violation> violations;
};

// Judges the invariants of tests/faults/README.md for an election that is over.
Judgement judge(const Evidence& evidence, const Keys& keys);

// The story of a vote, one line each: the events of this vote and of others of its voter, what the
// stores hold of them, and the faults of that time.
std::string story_of(const Evidence& evidence, const Keys& keys, const std::string& uuid);

}  // namespace pollbus::faults
