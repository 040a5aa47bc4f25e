#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/statusor.h"
#include "election/election_state.h"
#include "election/office_messages.h"
#include "election/signature.h"
#include "stores/event_store.h"

namespace pollbus::voting_recorder {

// Carries out what the office commands and answers what it and the machines ask, from the event
// store. Every command can be repeated. Errors are those of the store: nothing is known to have
// happened, so repeat the call. Borrows the store. Not thread-safe.
class OfficeDesk {
 public:
  OfficeDesk(EventStore& store, OfficePublicKey office) : store_(store), office_(office) {}

  // `message` is the command as it was received; its signature has been checked.
  absl::StatusOr<wire::OfficeAnswer> carry_out(const wire::OfficeCommand& command,
                                               const SignedEvent& message);

 private:
  using State = std::optional<ElectionState>;

  // UNAUTHENTICATED or FAILED_PRECONDITION if the stored history is not a chain of the office's.
  struct Chain {
    State state;
    absl::Status damage;
  };
  absl::StatusOr<Chain> chain(std::int64_t election);
  absl::Status catch_up(std::int64_t election);

  absl::Status apply_event(const wire::EventCommand& command, const SignedEvent& message,
                           wire::OfficeAnswer* answer);
  absl::Status compare(const wire::EventCommand& command, const SignedEvent& message,
                       wire::OfficeAnswer* answer);
  absl::Status answer_request(const wire::OfficeRequest& request, wire::OfficeAnswer* answer);
  absl::Status add_history(std::int64_t election, std::int64_t from, wire::OfficeAnswer* answer);
  absl::Status add_votes(std::int64_t election, bool with_tally, wire::OfficeAnswer* answer);
  absl::Status add_elections(wire::OfficeAnswer* answer);

  EventStore& store_;
  const OfficePublicKey office_;
  // States that were computed before, so that a long history is not verified again for each
  // command.
  std::map<std::int64_t, ElectionState> known_;
};

}  // namespace pollbus::voting_recorder
