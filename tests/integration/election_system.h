#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "election/keyed_hash.h"
#include "election/message_keys.h"
#include "integration/bus_machine.h"
#include "integration/machine_process.h"
#include "integration/witness.h"
#include "support/broker_server.h"
#include "support/postgres_server.h"
#include "support/redis_server.h"
#include "support/voting_service.h"

namespace pollbus::testing {

struct SystemPlan {
  int loggers = 1;
  int recorders = 1;
  std::vector<std::string> broker_flags{};
  // Additional variables for loggers, recorders and machines.
  Environment environment{};
  // Whether loggers and recorders are started by the constructor.
  bool started = true;
  // Whether all messages must have a MAC.
  bool has_keys = false;
};

// Sixty-four hexadecimal digits.
std::string text_of_key(const HashKey& key);

// A whole election on this computer: Redis, PostgreSQL, broker, loggers and recorders as processes.
// All data is in one folder; keys, passwords and the election ID are random. The test adds
// machines: as processes, or by publishing votes itself. Not thread-safe.
class ElectionSystem {
 public:
  explicit ElectionSystem(const std::filesystem::path& folder, const SystemPlan& plan = {});

  RedisServer redis;
  PostgresServer postgres;
  BrokerServer broker;
  std::vector<std::unique_ptr<VotingService>> loggers;
  std::vector<std::unique_ptr<VotingService>> recorders;

  std::int64_t election() const { return election_; }
  BusConfig bus() const;
  std::string topic() const { return BrokerServer::topic(); }
  const HashKey& logger_key() const { return logger_key_; }
  // Empty without keys.
  const ServiceKeys& keys() const { return keys_; }
  MachineKeys machine_keys(std::int64_t machine) const;
  // Keys and passwords, which must not appear in any log.
  std::vector<std::string> secrets() const;

  Environment logger_environment() const;
  Environment recorder_environment() const;
  Environment machine_environment(std::int64_t machine) const;

  std::vector<VotingService*> services() const;
  void start_services();
  bool wait_until_all_ready(std::chrono::milliseconds within) const;
  // Sends SIGTERM to all running services at once; returns their exit codes by name.
  std::map<std::string, int> stop_services(std::chrono::milliseconds within);

  std::unique_ptr<MachineProcess> launch_machine(MachineLoad load) const;
  std::unique_ptr<BusMachine> bus_machine(std::int64_t machine) const;

  // What the stores contain for this election.
  struct Row {
    std::int64_t machine = 0;
    std::int64_t choice = 0;
    std::int64_t count = 0;
  };
  std::vector<Row> rows() const;
  std::int64_t row_count() const;
  std::set<std::string> receipts() const;             // in hexadecimal digits
  std::map<std::int64_t, std::string> marks() const;  // fingerprint by voter

 private:
  std::filesystem::path folder_;
  Environment extra_;
  std::int64_t election_;
  std::string logger_key_text_;
  HashKey logger_key_;
  ServiceKeys keys_;
};

}  // namespace pollbus::testing
