#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "faults/checker/evidence.h"
#include "faults/mutants/mutants.h"
#include "faults/sim/network.h"
#include "stores/ballot_box.h"
#include "stores/voter_register.h"

namespace pollbus::faults {

// Redis: a mark for each voter, on disk before it is answered. The keys of some voters hold
// something else, so that they cannot be marked.
class SimulatedRedis {
 public:
  SimulatedRedis(World& world, const Profile& profile, Network& network, const Mutant& mutant);

  // A connection of one process, which borrows this.
  std::unique_ptr<VoterRegister> connect();
  Server& server() { return server_; }
  bool refuses(std::int64_t voter) const;
  void add_to(Evidence* evidence) const;

 private:
  using Voter = std::pair<std::int64_t, std::int64_t>;  // election and voter
  struct Entry {
    KeyedHash fingerprint{};
    SteadyTime at;
  };
  class Connection;

  MarkOutcome mark(const Mark& mark);
  void crash();

  World& world_;
  const Profile& profile_;
  Network& network_;
  const Mutant& mutant_;
  Server server_{.name = "redis"};
  std::map<Voter, Entry> marks_;
};

// PostgreSQL: receipts and rows, one transaction at a time. It refuses some receipts.
class SimulatedPostgres {
 public:
  SimulatedPostgres(World& world, const Profile& profile, Network& network, const Mutant& mutant);

  std::unique_ptr<BallotBox> connect();
  Server& server() { return server_; }
  bool refuses(const Hash128& receipt) const;
  void add_to(Evidence* evidence) const;

 private:
  struct Row {
    Ballot ballot;
    SteadyTime at;
  };
  class Connection;

  std::vector<BallotOutcome> record(std::span<const Ballot> ballots);
  void crash();

  World& world_;
  const Profile& profile_;
  Network& network_;
  const Mutant& mutant_;
  Server server_{.name = "postgres"};
  std::map<KeyedHash, Row> rows_;  // by receipt
  std::vector<Row> repeated_;      // of a mutant
};

}  // namespace pollbus::faults
