#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "stores/election_register.h"
#include "stores/voter_register.h"

// A register over several Redis servers: how it is divided (docs/scale.md), and what each of the
// servers does for it. Only for src/stores.
namespace pollbus {

// The configuration of each server, in order; one if the register is not divided.
std::vector<RedisConfig> servers_of(const RedisConfig& config);

// Which of so many servers marks the voter: SipHash-2-4 with a key of zeros over election and
// voter, 8 bytes each, most significant byte first, modulo the number of servers.
std::size_t server_of(std::int64_t election, std::int64_t voter, std::size_t servers);

// One server. mark() can be called in two halves, so that several servers work at the same time.
class RedisVoterServer : public VoterRegister {
 public:
  // `marks` must live until receive() has returned, which must be called if this returns OK.
  virtual absl::Status send(std::span<const Mark> marks) = 0;
  virtual absl::StatusOr<std::vector<MarkOutcome>> receive() = 0;

  // How many elections the office has defined here.
  virtual absl::StatusOr<std::int64_t> elections() = 0;

  // The server's clock, since 1970.
  virtual absl::StatusOr<std::chrono::milliseconds> now() = 0;
};

// One server, which holds its part of each roll and all events.
class RedisElectionServer : public ElectionRegister {
 public:
  // As append() and stage() for the part of a roll that belongs to this server. `roll_voters` is
  // the size of that part, `hash` that of the whole chunk.
  virtual absl::StatusOr<AppendOutcome> append_part(const SignedEvent& event, const Event& parsed,
                                                    const ElectionState& after,
                                                    std::int64_t roll_voters) = 0;
  virtual absl::StatusOr<StageOutcome> stage_part(const wire::RollChunk& part,
                                                  const Sha256& hash) = 0;

  // How many voters of the roll are on this server.
  virtual absl::StatusOr<std::int64_t> count_part(std::int64_t election,
                                                  const RollSummary& roll) = 0;
};

std::unique_ptr<RedisVoterServer> make_redis_voter_server(RedisConfig server,
                                                          const KeyedHash& key_check);
std::unique_ptr<RedisElectionServer> make_redis_election_server(RedisConfig server);

// Over at least two servers.
std::unique_ptr<VoterRegister> make_sharded_voter_register(
    std::vector<std::unique_ptr<RedisVoterServer>> servers);
std::unique_ptr<ElectionRegister> make_sharded_election_register(
    std::vector<std::unique_ptr<RedisElectionServer>> servers);

}  // namespace pollbus
