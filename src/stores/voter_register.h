#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/settings.h"
#include "election/keyed_hash.h"
#include "stores/election_counts.h"

namespace pollbus {

// A voter to mark in an election, with the fingerprint of the vote that marks. Choice and code are
// checked if the office has defined the election. The choice stays in this process: it reaches
// Redis neither in a key nor in a command.
struct Mark {
  std::int64_t election = 0;
  std::int64_t voter = 0;
  KeyedHash fingerprint{};
  std::int64_t choice = 0;
  std::optional<std::uint64_t> code_hash{};  // voter_code.h; none if the vote has no valid code
};

enum class MarkOutcome {
  kMarked,         // the voter was not marked before; this vote marked it
  kSameVoteAgain,  // this vote had marked the voter before, whatever the election's state is now
  kOtherVote,      // another vote of this voter had marked it before
  kRefused,        // the register holds something else under the voter's key; nothing was marked
  // A new vote that the election does not accept; nothing was marked (texts: election/vote.h).
  kNotOpen,
  kPaused,
  kClosed,
  kNotDefined,
  kNotOnRoll,
  kWrongCode,
  kNoSuchChoice,
};

// Remembers who has voted, and lets a voter vote only while the election is open, if the office has
// defined it (election_register.h). Both happen in one atomic step, by the clock of the register.
// Not thread-safe: use one instance per thread.
// Errors concern the register as a whole: UNAVAILABLE and DEADLINE_EXCEEDED are transient,
// FAILED_PRECONDITION needs an operator. Either way no mark was refused: repeat the call.
class VoterRegister {
 public:
  virtual ~VoterRegister() = default;

  // Returns one outcome for each mark, in order; several marks of one voter count in that order.
  // Marks are durable when this returns OK. After an error some marks may have been made; the
  // repeated call returns kSameVoteAgain for those.
  virtual absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) = 0;

  // Whether the register answers, can be written, and belongs to loggers with this LOGGER_KEY.
  virtual absl::Status check() = 0;

  // The number of marks of each election.
  virtual absl::StatusOr<ElectionCounts> counts() = 0;
};

// TLS to Redis. The server's certificate must be valid for the name by which it is reached.
struct RedisTls {
  bool is_on = false;       // also if there is an authority file
  std::string authority;    // PEM file of certificate authorities; empty: those of the system
  std::string certificate;  // PEM files of this client, for servers that ask for them
  std::string key;
};

struct RedisConfig {
  std::string host = "127.0.0.1";
  std::int64_t port = 6379;
  // The servers, "host:port", that share the register by a hash of election and voter; empty: the
  // one above holds all of it.
  std::vector<std::string> hosts;
  std::string user;  // empty: the default user
  Secret password;
  RedisTls tls;
  // Whether votes in elections that the office has not defined are refused (ELECTIONS=defined).
  bool only_defined_elections = false;
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds command_timeout{5'000};
  // Which of how many servers this is (redis_servers.h).
  std::int64_t number = 1;
  std::int64_t servers = 1;

  // REDIS_HOST, REDIS_PORT, REDIS_HOSTS, REDIS_USER, REDIS_PASSWORD, REDIS_TLS and the files of
  // TLS.
  void add_to(Settings& settings);
  // All addresses, for people.
  std::string where() const;
};

// In Redis 7, in the form of docs/wire-format.md: one script call per batch and election marks the
// voters and counts the marks. `key_check` is check_value() of the LOGGER_KEY; the first check()
// stores it, and a later one with another key fails. Connects at the first call and again after
// any failure. With several servers, each of them decides about its own voters, all at the same
// time, and mark() returns when all have answered; check() fails also if a server is not in its
// place of the list, or if the servers' clocks differ (docs/scale.md).
std::unique_ptr<VoterRegister> make_redis_voter_register(const RedisConfig& config,
                                                         const KeyedHash& key_check);

// The settings of the server that could lose a mark (no append-only file, fsync not always, an
// eviction policy), one sentence each. Empty if there are none, or if the server does not say.
absl::StatusOr<std::vector<std::string>> redis_durability_warnings(const RedisConfig& config);

}  // namespace pollbus
