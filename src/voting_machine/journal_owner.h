#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "voting_machine/journal.h"

namespace pollbus::voting_machine {

// The machine and the bus to which the votes of a journal belong. A bus that was wiped and set up
// again, for example after a rehearsal, is another bus: it has another `life`.
struct JournalOwner {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::string topic;  // as a path, with the project
  std::string host;   // of the broker, or that of Google Cloud
  std::string life;   // Worker::identity(); empty: unknown
};

// What to do with votes that were left in the journal by a machine on another bus.
enum class LeftoverVotes { kRefuse, kCast, kDiscard };

// Makes the journal that of `owner`. A journal without votes may be anyone's before. With votes it
// must belong to the same election, machine and bus; votes of another bus are treated as `leftover`
// says. FAILED_PRECONDITION if the votes are refused, with a text that tells how to go on.
absl::Status claim_journal(Journal& journal, const JournalOwner& owner, LeftoverVotes leftover);

}  // namespace pollbus::voting_machine
