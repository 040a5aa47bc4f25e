#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faults/checker/evidence.h"
#include "faults/mutants/mutants.h"
#include "faults/sim/network.h"
#include "faults/sim/redis_data.h"
#include "faults/sim/redis_scripting.h"

struct redisContext;

namespace pollbus::faults {

// When an election began or ceased to take votes on one server.
struct ServerStep {
  std::int64_t election = 0;
  std::int64_t t_us = 0;
  bool is_open = false;
};

// One Redis server: what it answers is on its disk. The scripts are the real ones of src/stores,
// and run here in Lua. The keys of some voters hold something else, so that they cannot be marked.
class SimulatedRedis {
 public:
  SimulatedRedis(World& world, const Profile& profile, Network& network, const Mutant& mutant,
                 std::string name);
  SimulatedRedis(const SimulatedRedis&) = delete;
  SimulatedRedis& operator=(const SimulatedRedis&) = delete;

  Server& server() { return server_; }
  bool refuses(std::int64_t voter) const;
  void add_marks_to(Evidence* evidence) const;
  const std::vector<ServerStep>& steps() const { return steps_; }

  // How far its clock is ahead of the true time.
  void set_clock(std::chrono::milliseconds ahead) { clock_ahead_ = ahead; }
  std::int64_t now_ms() const;

  // What the connections of src/stores do (RedisConnection), for the running process.
  absl::Status open(const redisContext* connection);
  absl::StatusOr<std::string> send(const redisContext* connection, const std::string& commands);

 private:
  struct Connection {
    std::size_t database = 0;
    std::set<std::string> scripts;  // not lost yet
  };
  using Commands = std::vector<std::vector<std::string>>;

  // What the office did to an election, as the events say that arrived here.
  struct Life {
    bool is_defined = false, is_open = false, is_paused = false, is_closed = false;
    bool lacks_roll = false;
    std::optional<std::int64_t> opens_ms, closes_ms;
    bool was_past_closing = false;  // seen by a command, whatever the clock says later
    bool was_open = false;          // in the last step
  };

  absl::Status request(const Commands& commands, std::shared_ptr<Connection> connection,
                       std::string* answers);
  RedisAnswer execute(Connection& connection, const std::vector<std::string>& command);
  RedisAnswer run_script(const Connection& connection, const std::vector<std::string>& command);
  RedisAnswer time() const;
  void note_event(const std::string& event);
  void note_clock();
  void crash();

  World& world_;
  const Profile& profile_;
  Network& network_;
  const Mutant& mutant_;
  Server server_;
  RedisData data_;
  std::map<std::string, std::string> scripts_;  // by the name that SCRIPT LOAD gave
  std::map<const redisContext*, std::shared_ptr<Connection>> connections_;
  std::map<std::string, SteadyTime> marked_at_;  // by key
  std::vector<ServerStep> steps_;
  std::map<std::int64_t, Life> lives_;  // by election
  std::chrono::milliseconds clock_ahead_{0};
  std::chrono::milliseconds clock_of_client_{0};
  bool has_told_time_ = false;  // to the script that runs
};

}  // namespace pollbus::faults
