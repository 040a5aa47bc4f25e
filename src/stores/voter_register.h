#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/settings.h"
#include "election/keyed_hash.h"

namespace pollbus {

// A voter to mark in an election, with the fingerprint of the vote that marks.
struct Mark {
  std::int64_t election = 0;
  std::int64_t voter = 0;
  KeyedHash fingerprint{};
};

enum class MarkOutcome {
  kMarked,         // nobody had voted for this voter: now this vote has
  kSameVoteAgain,  // this very vote had marked the voter before
  kOtherVote,      // another vote had
};

// Remembers who has voted. Not thread-safe: one instance a thread.
class VoterRegister {
 public:
  virtual ~VoterRegister() = default;

  // One outcome for each mark, in order; marks of one voter within a batch count in that order.
  // Durable when it returns OK. On error any of the marks may have been made: repeat the call,
  // which gives kSameVoteAgain for those. Errors are transient (UNAVAILABLE, DEADLINE_EXCEEDED), or
  // FAILED_PRECONDITION where a key holds what is not ours.
  virtual absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) = 0;

  // Whether it answers and can be written.
  virtual absl::Status check() = 0;
};

struct RedisConfig {
  std::string host = "127.0.0.1";
  std::int64_t port = 6379;
  Secret password;
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds command_timeout{5'000};

  // REDIS_HOST, REDIS_PORT, REDIS_PASSWORD.
  void add_to(Settings& settings);
};

// In Redis, as key `voted:<election>:<voter>` with the fingerprint as its value, in one round trip
// of `SET … NX GET` a batch (https://redis.io/docs/latest/commands/set/, Redis 7). Connects at the
// first call and again after any failure.
std::unique_ptr<VoterRegister> make_redis_voter_register(RedisConfig config);

// What in the server's configuration could lose a mark (no append-only file, fsync not always, an
// eviction policy), a sentence each; empty when nothing, or when the server will not say.
absl::StatusOr<std::vector<std::string>> redis_durability_warnings(const RedisConfig& config);

}  // namespace pollbus
