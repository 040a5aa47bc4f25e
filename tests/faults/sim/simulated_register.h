#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "faults/sim/simulated_redis.h"
#include "stores/election_register.h"
#include "stores/voter_register.h"

namespace pollbus::faults {

// The register of voters: the real one of src/stores over the Redis servers of the profile. Only
// the connection between them is simulated. One at a time on a thread.
class SimulatedRegister {
 public:
  SimulatedRegister(World& world, const Profile& profile, Network& network, const Mutant& mutant);
  ~SimulatedRegister();
  SimulatedRegister(const SimulatedRegister&) = delete;
  SimulatedRegister& operator=(const SimulatedRegister&) = delete;

  std::unique_ptr<VoterRegister> connect();
  std::unique_ptr<ElectionRegister> connect_elections();

  const std::vector<std::unique_ptr<SimulatedRedis>>& servers() { return servers_; }
  bool refuses(std::int64_t voter) const { return servers_.front()->refuses(voter); }
  void add_to(Evidence* evidence) const;

  // What the connections of src/stores do (RedisConnection), for the running process.
  absl::Status open(const redisContext* connection, std::int64_t port);
  absl::StatusOr<std::string> send(const redisContext* connection, const std::string& commands);

 private:
  RedisConfig config() const;

  const Profile& profile_;
  std::vector<std::unique_ptr<SimulatedRedis>> servers_;
  std::map<const redisContext*, SimulatedRedis*> connected_;
};

// The steps of an election on several servers as steps of the whole: between the first server and
// the last one, an election may take votes or not. Pure.
std::vector<LifeStep> steps_of_all(const std::vector<std::vector<ServerStep>>& servers);

}  // namespace pollbus::faults
