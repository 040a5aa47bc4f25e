#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "election/event.h"
#include "election/signature.h"

namespace pollbus {

// The state of an election: what its events lead to, one after the other. The recorder, the logger,
// machines and the board all use these functions, so that they agree. Pure; thread-safe.

enum class Phase { kDefined, kOpen, kPaused, kClosed, kSealed, kCertified };
std::string_view to_text(Phase phase);  // "defined"
std::optional<Phase> parse_phase(std::string_view text);

struct ElectionState {
  Phase phase = Phase::kDefined;  // by events alone; see phase_at()
  std::int64_t sequence = 0;      // of the last event
  Sha256 last{};                  // its hash
  Definition definition;
  std::optional<RollSummary> roll;  // as imported; voters added later are not in it
  std::int64_t added_voters = 0;    // since that import
  std::optional<std::int64_t> opens_ms;
  std::optional<std::int64_t> closes_ms;  // also after `extend`
  std::optional<std::int64_t> marks;      // once sealed
  std::vector<ChoiceCount> tally;         // once certified

  std::int64_t voters() const { return (roll ? roll->count : 0) + added_voters; }
};

// The phase at a time (milliseconds since 1970). An election with an opening time opens then by
// itself, unless it needs a roll and has none; from its closing time on it is closed.
Phase phase_at(const ElectionState& state, std::int64_t now_ms);

// Whether the event may follow at this time: OK, or FAILED_PRECONDITION with a sentence. The
// recorder, which decides first, also asks with its own clock; the logger follows the recorder.
absl::Status check_transition(const ElectionState& state, const Event& event, std::int64_t now_ms);

// The state after the event. `data` is the event's data, for its hash. Judges times by the time in
// the event, so that everybody gets the same state. ALREADY_EXISTS for the event that was applied
// last; FAILED_PRECONDITION, with a sentence, for an older event, a gap, another predecessor, or a
// transition that is not allowed. INVALID_ARGUMENT if the data is not an event.
absl::StatusOr<ElectionState> apply_event(const std::optional<ElectionState>& state,
                                          std::string_view data);

// The same when the event has been parsed; `hash` is that of its data.
absl::StatusOr<ElectionState> apply_event(const std::optional<ElectionState>& state,
                                          const Event& event, const Sha256& hash);

// The state after a whole history. UNAUTHENTICATED for a signature that is not the office's, and
// NOT_FOUND for an empty history.
absl::StatusOr<ElectionState> replay(std::span<const SignedEvent> history,
                                     const OfficePublicKey& office);

}  // namespace pollbus
