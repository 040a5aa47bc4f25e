#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "faults/checker/evidence.h"

namespace pollbus::faults {

// How the system came back from a fault that was healed.
struct Recovery {
  const Fault* fault = nullptr;
  // From the heal until every vote that was pending then was answered; absent: one never was.
  std::optional<std::int64_t> resolved_after_ms;
  // From the heal until a second in which it answered at nine tenths of its rate before the first
  // fault; absent when there was no such second (perhaps nothing was left to be cast), or no time
  // before the first fault to tell the rate from.
  std::optional<std::int64_t> rate_after_ms;
};

struct Recoveries {
  double baseline_votes_per_second = 0;  // 0: not known
  std::vector<Recovery> all;             // of healed faults, by their heal; the last is the last
};

// Borrows the evidence, which is sorted.
Recoveries recoveries_of(const Evidence& evidence);

}  // namespace pollbus::faults
