#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "election/election_state.h"
#include "election/event.h"
#include "election/office_messages.h"
#include "stores/ballot_box.h"

namespace pollbus {

// An event to apply, and what it leads to.
struct NewEvent {
  SignedEvent signed_event;
  Event event;
  ElectionState state;  // after the event
};

struct ApplyOutcome {
  enum class Kind {
    kApplied,
    kTaken,    // the election has an event with this sequence number
    kRefused,  // `reason` says why, in a sentence; nothing was changed
  };
  Kind kind = Kind::kApplied;
  std::string reason;
};

// What the ballot box holds of an election.
struct StoredVotes {
  std::int64_t rows = 0;
  std::vector<wire::MachineCount> by_machine;
  std::optional<std::vector<ChoiceCount>>
      tally;  // only when it may be seen, for choices with votes
};

// The events of elections, beside the votes: the home of the chain. Not thread-safe: use one
// instance per thread. Errors as those of BallotBox, and CANCELLED if a stop was requested; the
// call can be repeated.
class EventStore {
 public:
  virtual ~EventStore() = default;

  // The events from number `from` on, in order; none if there are none.
  virtual absl::StatusOr<std::vector<SignedEvent>> events(std::int64_t election,
                                                          std::int64_t from) = 0;

  // The defined elections of an event, or all of them.
  virtual absl::StatusOr<std::vector<std::int64_t>> elections(
      const std::optional<std::string>& event) = 0;

  // Stores the event durably and does to the votes what it says, all or nothing. `define` is
  // refused if the election has votes; `seal` unless as many votes are stored as voters are marked,
  // and after it no vote can be added; `certify` unless the tally is that of the stored votes. Does
  // not check the signature, the chain or the transition.
  virtual absl::StatusOr<ApplyOutcome> apply(const NewEvent& event) = 0;

  virtual absl::StatusOr<StoredVotes> votes(std::int64_t election) = 0;

  // The clock of the store, in milliseconds since 1970.
  virtual absl::StatusOr<std::int64_t> now_utc_ms() = 0;

  // A stop request ends calls with CANCELLED, because sealing a large election takes minutes.
  virtual void stop_with(std::stop_token stop) = 0;
};

// In PostgreSQL, in the tables of sql/.
std::unique_ptr<EventStore> make_postgres_event_store(PostgresConfig config);

}  // namespace pollbus
