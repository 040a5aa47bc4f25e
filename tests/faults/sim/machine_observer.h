#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bus/publisher.h"
#include "bus/subscriber.h"
#include "election/keyed_hash.h"
#include "election/vote.h"
#include "faults/checker/evidence.h"
#include "faults/sim/world.h"
#include "voting_machine/journal_file.h"

namespace pollbus::faults {

// What all lives of one machine have done so far.
struct MachineRecord {
  std::int64_t cast = 0;
  std::set<std::string> published;  // UUIDs
};

// Writes down what one life of a voting machine does, by watching what it writes to its journal,
// publishes and receives. The machine does not notice. Borrows everything it is given.
class MachineObserver {
 public:
  using JournalFile = voting_machine::JournalFile;
  // What a vote must expect: a store may refuse it for good, and the office's rules may forbid it.
  struct Expected {
    std::function<bool(const SubmittedVote&)> may_be_refused;
    std::function<Eligible(const SubmittedVote&)> eligible;
  };

  MachineObserver(World& world, const HashKey& pseudonym_key, std::int64_t election,
                  std::int64_t machine, Evidence& evidence, MachineRecord& record,
                  Expected expected);

  // Each puts an observer around one part of the machine.
  std::unique_ptr<JournalFile> around(std::unique_ptr<JournalFile> file);
  std::unique_ptr<Publisher> around(std::unique_ptr<Publisher> publisher);
  BatchHandler around(BatchHandler handler);

  // For original machines, which have no journal.
  void cast(const SubmittedVote& vote);

  // Whether every vote of this life has been answered.
  bool is_all_answered() const { return pending_.empty(); }

 private:
  class ObservedJournal;
  class ObservedPublisher;

  void kept(const SubmittedVote& vote, bool is_recovered);
  void erased(const std::string& uuid);
  void published(const Message& message);
  void received(const ReceivedMessage& message);
  void note(MachineEvent event);

  World& world_;
  const HashKey& pseudonym_key_;
  const std::int64_t election_;
  const std::int64_t machine_;
  Evidence& evidence_;
  MachineRecord& record_;
  const Expected expected_;
  std::set<std::string> pending_;
};

}  // namespace pollbus::faults
