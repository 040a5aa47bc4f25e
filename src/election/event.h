#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "election/definition.h"
#include "election/sha256.h"

namespace pollbus {

// What the office did to an election: signed, and chained by hash (docs/elections.md).
// Pure functions; thread-safe.

enum class EventKind {
  kDefine,
  kRoll,
  kAddVoter,
  kOpen,
  kPause,
  kResume,
  kExtend,
  kClose,
  kSeal,
  kCertify,
};
std::string_view to_text(EventKind kind);  // "add voter"
std::optional<EventKind> parse_event_kind(std::string_view text);

// The size of a roll, and its hash (office_messages.h).
struct RollSummary {
  std::int64_t count = 0;
  Sha256 hash{};
  std::int64_t chunks = 0;
  bool operator==(const RollSummary&) const = default;
};

// A voter on the roll; `code_hash` if the election has codes (voter_code.h).
struct RollEntry {
  std::int64_t voter = 0;
  std::optional<std::uint64_t> code_hash;
  bool operator==(const RollEntry&) const = default;
};

struct ChoiceCount {
  std::int64_t voting = 0;
  std::int64_t votes = 0;
  bool operator==(const ChoiceCount&) const = default;
};

struct Event {
  std::int64_t election = 0;
  std::int64_t sequence = 0;  // from 1
  Sha256 previous{};          // hash of the event before; zeros for the first
  std::int64_t time_ms = 0;   // since 1970, whole seconds
  EventKind kind = EventKind::kDefine;

  std::optional<Definition> definition;  // define
  std::optional<RollSummary> roll;       // roll
  std::optional<Sha256> added;           // add voter: a commitment (office_messages.h)
  std::optional<ZonedTime> closes;       // extend
  std::optional<std::int64_t> marks;     // seal, certify
  std::vector<ChoiceCount> tally;        // certify: every choice, in the order of the definition
};

// The data of the event's message. Its SHA-256 is the hash of the event, and the signature is over
// it. Fields that do not belong to the kind are left out.
std::string encode(const Event& event);

// INVALID_ARGUMENT, with the reason, for anything that is not exactly what encode() writes.
absl::StatusOr<Event> parse_event(std::string_view data);

struct SignedEvent {
  std::string data;
  std::string signature;  // 128 lower-case hexadecimal digits
  bool operator==(const SignedEvent&) const = default;
};

}  // namespace pollbus
