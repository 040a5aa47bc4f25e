#pragma once

// For tests: definitions, and chains of events.

#include <string>
#include <variant>

#include "election/election_state.h"

namespace pollbus {

inline constexpr std::int64_t kHour = 3'600'000;
inline const std::int64_t kNoon = *parse_utc("2026-12-01T12:00:00Z");

// An election of two choices; `more` is added to its JSON, such as R"("closes":"…")".
inline Definition test_definition(const std::string& eligibility, const std::string& more = "",
                                  std::int64_t election = 12) {
  const std::string text =
      R"({"election_ID":)" + std::to_string(election) +
      R"(,"event":"City 2026","title":{"en":"Ward 4"},"choices":[{"voting":0,"name":{"en":"Ada"}},)"
      R"({"voting":5,"name":{"en":"Alan"}}],"time_zone":"UTC","eligibility":")" +
      eligibility + "\"" + (more.empty() ? "" : "," + more) + "}";
  return std::get<Definition>(parse_definition(text));
}

// Writes the events of one election, each at a time after the other.
class EventWriter {
 public:
  explicit EventWriter(Definition definition) : definition_(std::move(definition)) {}

  // An event that follows what was applied so far.
  Event next(EventKind kind, std::int64_t time_ms = kNoon) const {
    Event event{.election = definition_.election, .sequence = 1, .time_ms = time_ms, .kind = kind};
    if (state) event.sequence = state->sequence + 1;
    if (state) event.previous = state->last;
    if (kind == EventKind::kDefine) event.definition = definition_;
    if (kind == EventKind::kRoll) event.roll = RollSummary{.count = 3, .hash = {1}, .chunks = 1};
    if (kind == EventKind::kAddVoter) event.added = Sha256{7};
    if (kind == EventKind::kSeal || kind == EventKind::kCertify) event.marks = 5;
    if (kind == EventKind::kCertify) event.tally = {{0, 3}, {5, 2}};
    if (kind == EventKind::kExtend) {
      event.closes = ZonedTime{utc_text(time_ms + kHour).substr(0, 16), time_ms + kHour};
    }
    return event;
  }

  // Applies the event if it is allowed.
  absl::Status apply(const Event& event) {
    auto applied = apply_event(state, encode(event));
    if (!applied.ok()) return applied.status();
    state = *std::move(applied);
    return absl::OkStatus();
  }
  absl::Status apply(EventKind kind, std::int64_t time_ms = kNoon) {
    return apply(next(kind, time_ms));
  }

  std::optional<ElectionState> state;

 private:
  Definition definition_;
};

}  // namespace pollbus
