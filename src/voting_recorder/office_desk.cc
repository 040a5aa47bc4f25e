#include "voting_recorder/office_desk.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/status.h"
#include "election/sha256.h"
#include "election/zoned_time.h"

namespace pollbus::voting_recorder {
namespace {

using wire::CommandResult;

constexpr std::size_t kMaxKnownStates = 1'000;

wire::AnsweredState answered(const ElectionState& state, std::int64_t now_ms) {
  return {.phase = phase_at(state, now_ms),
          .sequence = state.sequence,
          .last = state.last,
          .opens_utc_ms = state.opens_ms,
          .closes_utc_ms = state.closes_ms};
}

void refuse(std::string reason, wire::OfficeAnswer* answer) {
  answer->result = CommandResult::kRefused;
  answer->reason = std::move(reason);
}

// What the event is and when the office made it.
std::string described(const SignedEvent& stored) {
  const auto event = parse_event(stored.data);
  if (!event.ok()) return "another event";
  return fmt::format("\"{}\" of {}", to_text(event->kind), utc_text(event->time_ms));
}

}  // namespace

absl::StatusOr<wire::OfficeAnswer> OfficeDesk::carry_out(const wire::OfficeCommand& command,
                                                         const SignedEvent& message) {
  wire::OfficeAnswer answer{.from = std::string(wire::kToRecorder),
                            .kind = std::string(wire::kind_of(command)),
                            .election = wire::election_of(command),
                            .request = sha256(message.data)};
  if (const auto* event = std::get_if<wire::EventCommand>(&command)) {
    RETURN_IF_ERROR(apply_event(*event, message, &answer));
  } else if (const auto* request = std::get_if<wire::OfficeRequest>(&command)) {
    RETURN_IF_ERROR(answer_request(*request, &answer));
  } else {
    refuse("rolls belong to the loggers", &answer);
  }
  ASSIGN_OR_RETURN(const std::int64_t now, store_.now_utc_ms());
  answer.now_utc_ms = now;
  if (!answer.election) return answer;
  ASSIGN_OR_RETURN(const Chain stored, chain(*answer.election));
  if (stored.state) answer.state = answered(*stored.state, now);
  return answer;
}

absl::StatusOr<OfficeDesk::Chain> OfficeDesk::chain(std::int64_t election) {
  absl::Status status = catch_up(election);
  const auto known = known_.find(election);
  const State state = known == known_.end() ? std::nullopt : State(known->second);
  const bool is_damaged = absl::IsDataLoss(status);
  if (!status.ok() && !is_damaged) return status;
  return Chain{.state = state, .damage = status};
}

// Brings the known state up to date. DATA_LOSS if the stored history cannot be followed.
absl::Status OfficeDesk::catch_up(std::int64_t election) {
  if (known_.size() > kMaxKnownStates) known_.clear();
  auto known = known_.find(election);
  const std::int64_t from = known == known_.end() ? 1 : known->second.sequence;
  ASSIGN_OR_RETURN(std::vector<SignedEvent> events, store_.events(election, from));
  if (known != known_.end() &&
      (events.empty() || sha256(events.front().data) != known->second.last)) {
    // The database was restored from an older state.
    known_.erase(known);
    ASSIGN_OR_RETURN(events, store_.events(election, 1));
    known = known_.end();
  }
  State state = known == known_.end() ? std::nullopt : State(known->second);
  for (std::size_t i = state ? 1 : 0; i < events.size(); ++i) {
    auto next = office_.verifies(events[i].data, events[i].signature)
                    ? pollbus::apply_event(state, events[i].data)
                    : absl::UnauthenticatedError("its signature is not the office's");
    if (!next.ok()) {
      log_error("the stored history of an election is damaged",
                {{"election", election},
                 {"event", from + static_cast<std::int64_t>(i)},
                 {"error", next.status()}});
      return absl::DataLossError(
          fmt::format("event {} in the recorders' database is damaged or not signed by this office",
                      from + static_cast<std::int64_t>(i)));
    }
    state = *std::move(next);
  }
  if (state) known_.insert_or_assign(election, *std::move(state));
  return absl::OkStatus();
}

absl::Status OfficeDesk::apply_event(const wire::EventCommand& command, const SignedEvent& message,
                                     wire::OfficeAnswer* answer) {
  const Event& event = command.event;
  while (true) {
    ASSIGN_OR_RETURN(const Chain stored, chain(event.election));
    if (!stored.damage.ok()) {
      refuse(std::string(stored.damage.message()), answer);
      return absl::OkStatus();
    }
    if (stored.state && event.sequence <= stored.state->sequence)
      return compare(command, message, answer);
    ASSIGN_OR_RETURN(const std::int64_t now, store_.now_utc_ms());
    absl::StatusOr<ElectionState> next = pollbus::apply_event(stored.state, event, command.hash);
    if (next.ok() && stored.state) {
      if (const auto allowed = check_transition(*stored.state, event, now); !allowed.ok())
        next = allowed;
    }
    if (!next.ok()) {
      refuse(std::string(next.status().message()), answer);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const ApplyOutcome outcome,
                     store_.apply({.signed_event = message, .event = event, .state = *next}));
    if (outcome.kind == ApplyOutcome::Kind::kTaken) continue;  // another official was faster
    answer->result = CommandResult::kApplied;
    if (outcome.kind == ApplyOutcome::Kind::kRefused) refuse(outcome.reason, answer);
    if (event.marks) return add_votes(event.election, false, answer);
    return absl::OkStatus();
  }
}

// For an event whose place in the chain is taken: by itself, or by another one.
absl::Status OfficeDesk::compare(const wire::EventCommand& command, const SignedEvent& message,
                                 wire::OfficeAnswer* answer) {
  const Event& event = command.event;
  ASSIGN_OR_RETURN(std::vector<SignedEvent> events, store_.events(event.election, event.sequence));
  if (!events.empty() && events.front().data == message.data) {
    answer->result = CommandResult::kAlreadyApplied;
    if (event.marks) return add_votes(event.election, false, answer);
    return absl::OkStatus();
  }
  if (events.empty()) return absl::UnavailableError("the history has changed in the meantime");
  refuse(fmt::format("event {} of this election is already {}", event.sequence,
                     described(events.front())),
         answer);
  answer->events.push_back(std::move(events.front()));
  return absl::OkStatus();
}

absl::Status OfficeDesk::answer_request(const wire::OfficeRequest& request,
                                        wire::OfficeAnswer* answer) {
  answer->result = CommandResult::kAnswer;
  if (!request.election) return add_elections(answer);
  switch (request.kind) {
    case wire::RequestKind::kStatus:
      return add_votes(*request.election, false, answer);
    case wire::RequestKind::kHistory:
      return add_history(*request.election, request.from, answer);
    case wire::RequestKind::kResults:
      return add_votes(*request.election, true, answer);
  }
  return absl::OkStatus();
}

// As many events as fit into an answer, but at least one.
absl::Status OfficeDesk::add_history(std::int64_t election, std::int64_t from,
                                     wire::OfficeAnswer* answer) {
  ASSIGN_OR_RETURN(std::vector<SignedEvent> events, store_.events(election, from));
  std::size_t bytes = 0;
  for (SignedEvent& event : events) {
    bytes += event.data.size() + event.signature.size();
    if (!answer->events.empty() && bytes > wire::kMaxHistoryBytes) break;
    answer->events.push_back(std::move(event));
  }
  return absl::OkStatus();
}

absl::Status OfficeDesk::add_votes(std::int64_t election, bool with_tally,
                                   wire::OfficeAnswer* answer) {
  const auto votes = store_.votes(election);
  if (!votes.ok()) return votes.status();
  answer->rows = votes->rows;
  answer->by_machine = votes->by_machine;
  if (with_tally) answer->tally = votes->tally;
  return absl::OkStatus();
}

absl::Status OfficeDesk::add_elections(wire::OfficeAnswer* answer) {
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> elections, store_.elections(std::nullopt));
  ASSIGN_OR_RETURN(const std::int64_t now, store_.now_utc_ms());
  for (const std::int64_t election : elections) {
    ASSIGN_OR_RETURN(const Chain stored, chain(election));
    if (!stored.state) continue;
    const auto votes = store_.votes(election);
    if (!votes.ok()) return votes.status();
    answer->elections.push_back({.election = election,
                                 .state = answered(*stored.state, now),
                                 .marks = {},
                                 .rows = votes->rows,
                                 .roll = {}});
  }
  return absl::OkStatus();
}

}  // namespace pollbus::voting_recorder
