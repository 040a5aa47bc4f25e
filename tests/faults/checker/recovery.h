#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "faults/checker/evidence.h"

namespace pollbus::faults {

// How the system recovered from a fault.
struct Recovery {
  const Fault* fault = nullptr;
  // From the heal until every vote that was pending then was answered; absent if one never was.
  std::optional<std::int64_t> resolved_after_ms;
  // From the heal until a second in which answers came at nine tenths of the rate before the first
  // fault. Absent if there was no such second (perhaps no votes were left to be cast), or if the
  // rate before the first fault is unknown.
  std::optional<std::int64_t> rate_after_ms;
};

struct Recoveries {
  double baseline_votes_per_second = 0;  // 0: unknown
  std::vector<Recovery> all;             // one for each healed fault, in the order of the heals
};

// Borrows the evidence, which must be sorted.
Recoveries recoveries_of(const Evidence& evidence);

}  // namespace pollbus::faults
