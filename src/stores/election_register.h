#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "election/election_state.h"
#include "election/office_messages.h"
#include "stores/voter_register.h"

namespace pollbus {

// One election as the register has it at one moment.
struct ElectionSnapshot {
  std::int64_t now_ms = 0;    // by the register's clock, since 1970
  std::int64_t marks = 0;     // voters who have voted
  std::int64_t sequence = 0;  // of the last event; 0 if the election is not defined
  Sha256 last{};              // its hash
  std::vector<SignedEvent> events;
};

// The chunks of a roll that have arrived.
struct StagedRoll {
  std::int64_t count = 0;
  std::int64_t chunks = 0;
  bool has_codes = false;
  Sha256 salt{};
  std::map<std::int64_t, Sha256> chunk_hashes;
};

enum class StageOutcome {
  kStaged,
  kStagedBefore,  // this chunk
  kDiffers,  // another chunk of this number, or other facts about this roll, were staged before
};

enum class NewVoterOutcome {
  kKept,
  kOnRoll,
  kOnRollWithOtherCode,
};

enum class AppendOutcome {
  kAppended,
  kOvertaken,       // another event came first: read the election again
  kRollIncomplete,  // the roll that this event puts in force has not as many voters as it should
  kVoterMissing,    // the voter whom this event adds was not kept
};

// What the office has done to each election, and the rolls: the part of a voter register that
// decides which votes may mark a voter. An event takes effect in one atomic step, from which on no
// vote is marked that it forbids. Errors are those of VoterRegister. Not thread-safe.
class ElectionRegister {
 public:
  virtual ~ElectionRegister() = default;

  // The election with its events after number `known`.
  virtual absl::StatusOr<ElectionSnapshot> read(std::int64_t election, std::int64_t known) = 0;

  // All elections that have events.
  virtual absl::StatusOr<std::vector<std::int64_t>> elections() = 0;

  // Appends `event`, which leads to the state `after`. Checks nothing but that it is the next one,
  // the size of a roll, and that an added voter is known.
  virtual absl::StatusOr<AppendOutcome> append(const SignedEvent& event, const Event& parsed,
                                               const ElectionState& after) = 0;

  // Keeps a chunk of a roll. It has no effect until an event puts the roll in force.
  virtual absl::StatusOr<StageOutcome> stage(const wire::RollChunk& chunk) = 0;
  virtual absl::StatusOr<StagedRoll> staged(std::int64_t election, const Sha256& roll) = 0;

  // Keeps a voter for the event that adds the voter to the roll in force. Reports if the voter is
  // on that roll already; `state` must have one.
  virtual absl::StatusOr<NewVoterOutcome> keep(const wire::NewVoter& voter,
                                               const ElectionState& state) = 0;

  // Removes what was staged for the rolls of this election that are not in force: for all but
  // `keep`, or all. Never removes the roll in force. May be repeated after an error.
  virtual absl::Status remove_staged(std::int64_t election, const std::optional<Sha256>& keep) = 0;
};

// In the same Redis as make_redis_voter_register(), which obeys these events.
std::unique_ptr<ElectionRegister> make_redis_election_register(const RedisConfig& config);

// When new votes are accepted: the rule that Redis applies, in milliseconds since 1970.
struct OpeningTimes {
  std::optional<std::int64_t> from_ms;   // not open if absent
  std::optional<std::int64_t> until_ms;  // open for ever if absent
  bool is_paused = false;
};
// Agrees with phase_at() at every moment.
OpeningTimes opening_times(const ElectionState& state);

}  // namespace pollbus
