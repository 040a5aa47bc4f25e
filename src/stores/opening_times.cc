#include "stores/election_register.h"

namespace pollbus {

OpeningTimes opening_times(const ElectionState& state) {
  OpeningTimes times{.from_ms = {}, .until_ms = state.closes_ms, .is_paused = false};
  switch (state.phase) {
    case Phase::kDefined:
      if (!state.definition.needs_roll() || state.roll) times.from_ms = state.opens_ms;
      break;
    case Phase::kPaused:
      times.is_paused = true;
      break;
    case Phase::kOpen:
      times.from_ms = 0;
      break;
    case Phase::kClosed:
    case Phase::kSealed:
    case Phase::kCertified:
      times.until_ms = 0;
      break;
  }
  return times;
}

}  // namespace pollbus
