#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "election/keyed_hash.h"
#include "faults/checker/evidence.h"

namespace pollbus::faults {

// What the marks, the receipts and the voters' pseudonyms were hashed with.
struct Keys {
  HashKey logger;
  HashKey history;
};

struct Violation {
  std::string invariant;  // "I1" to "I7", "bad input"
  std::string uuid;       // of the vote; empty where it is nobody's
  std::string what;
};

struct Judgement {
  std::int64_t votes = 0;
  std::int64_t successful = 0;
  std::int64_t already_voted = 0;
  std::int64_t timed_out = 0;  // votes that were published again
  std::vector<Violation> violations;
};

// Judges the invariants of tests/faults/README.md over a drained election. A plain function.
Judgement judge(const Evidence& evidence, const Keys& keys);

// All that the machines lived through with this vote and with others of its voter, what the stores
// hold of it, and the faults of that time; a line each.
std::string story_of(const Evidence& evidence, const Keys& keys, const std::string& uuid);

}  // namespace pollbus::faults
