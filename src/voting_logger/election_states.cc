#include "voting_logger/election_states.h"

#include <fmt/format.h>

#include "base/status.h"

namespace pollbus::voting_logger {

absl::StatusOr<CurrentElection> ElectionStates::read(std::int64_t election) {
  std::optional<ElectionState> known;
  if (const auto found = states_.find(election); found != states_.end()) known = found->second;
  auto current = continue_from(election, known);
  // The register may have been restored from an older state and have got other events since.
  if (known && absl::IsFailedPrecondition(current.status()))
    current = continue_from(election, std::nullopt);
  states_.erase(election);
  if (current.ok() && current->state) states_.emplace(election, *current->state);
  return current;
}

absl::StatusOr<CurrentElection> ElectionStates::continue_from(std::int64_t election,
                                                              std::optional<ElectionState> state) {
  ASSIGN_OR_RETURN(const ElectionSnapshot snapshot,
                   elections_.read(election, state ? state->sequence : 0));
  const auto broken = [&](std::string_view why) {
    return absl::FailedPreconditionError(fmt::format(
        "the register holds events of election {} that do not fit together: {}", election, why));
  };
  for (const SignedEvent& event : snapshot.events) {
    auto next = apply_event(state, event.data);
    if (!next.ok()) return broken(std::string(next.status().message()));
    state = *std::move(next);
  }
  const std::int64_t sequence = state ? state->sequence : 0;
  if (sequence != snapshot.sequence) return broken("some are missing");
  if (state && state->last != snapshot.last) return broken("the last one is another");
  return CurrentElection{
      .state = std::move(state), .now_ms = snapshot.now_ms, .marks = snapshot.marks};
}

}  // namespace pollbus::voting_logger
