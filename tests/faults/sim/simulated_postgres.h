#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "faults/checker/evidence.h"
#include "faults/mutants/mutants.h"
#include "faults/sim/network.h"
#include "stores/ballot_box.h"
#include "stores/event_store.h"

namespace pollbus::faults {

// PostgreSQL: receipts, rows and events, one transaction at a time. It refuses some receipts. What
// the functions of sql/ decide is written here again; tests/integration tests them.
class SimulatedPostgres {
 public:
  SimulatedPostgres(World& world, const Profile& profile, Network& network, const Mutant& mutant);

  std::unique_ptr<BallotBox> connect();
  std::unique_ptr<EventStore> connect_events();
  Server& server() { return server_; }
  bool refuses(const Hash128& receipt) const;
  void add_to(Evidence* evidence) const;

 private:
  struct Row {
    Ballot ballot;
    SteadyTime at;
  };
  class Connection;
  class EventConnection;

  std::vector<BallotOutcome> record(std::span<const Ballot> ballots);
  ApplyOutcome apply(const NewEvent& event);
  std::string refusal(const Event& event) const;
  StoredVotes votes(std::int64_t election) const;
  std::vector<ChoiceCount> tally(std::int64_t election) const;
  std::int64_t now_ms() const;
  void crash();

  World& world_;
  const Profile& profile_;
  Network& network_;
  const Mutant& mutant_;
  Server server_{.name = "postgres"};
  std::map<KeyedHash, Row> rows_;                         // by receipt
  std::vector<Row> repeated_;                             // of a mutant
  std::map<std::int64_t, std::vector<NewEvent>> events_;  // by election
  std::vector<Sealed> seals_;
  std::vector<ToldCount> told_;
};

}  // namespace pollbus::faults
