#include "voting_logger/office_handler.h"

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"
#include "election/wire.h"
#include "voting_logger/roll_check.h"

namespace pollbus::voting_logger {
namespace {

using wire::CommandResult;
using wire::OfficeAnswer;

// How often another logger may be faster before the command is tried again later.
constexpr int kMaxAttempts = 10;

wire::AnsweredState answered_state(const ElectionState& state, std::int64_t now_ms) {
  return {.phase = phase_at(state, now_ms),
          .sequence = state.sequence,
          .last = state.last,
          .opens_utc_ms = state.opens_ms,
          .closes_utc_ms = state.closes_ms};
}

std::optional<wire::AnsweredRoll> answered_roll(const ElectionState& state) {
  if (!state.roll) return std::nullopt;
  return wire::AnsweredRoll{.count = state.voters(), .hash = state.roll->hash};
}

// What every answer about an election says.
OfficeAnswer answer_about(const CurrentElection& current, CommandResult result,
                          std::string reason = {}) {
  OfficeAnswer answer;
  answer.result = result;
  answer.reason = std::move(reason);
  answer.now_utc_ms = current.now_ms;
  if (!current.state) return answer;
  answer.state = answered_state(*current.state, current.now_ms);
  answer.marks = current.marks;
  answer.roll = answered_roll(*current.state);
  return answer;
}

OfficeAnswer refusal(const CurrentElection& current, std::string reason) {
  return answer_about(current, CommandResult::kRefused, std::move(reason));
}

}  // namespace

OfficeHandler::OfficeHandler(Outbox& outbox, ElectionRegister& elections, Dependency& redis,
                             std::optional<OfficePublicKey> office, ServiceKeys keys,
                             prometheus::Registry& metrics)
    : outbox_(outbox),
      inbound_({{std::string(wire::kFunction), std::string(wire::kOfficeCommand)},
                {std::string(wire::kTo), std::string(wire::kToLogger)}},
               metrics),
      elections_(elections),
      states_(elections),
      redis_(redis),
      office_(std::move(office)),
      keys_(std::move(keys)),
      metrics_(metrics) {}

std::vector<Verdict> OfficeHandler::handle(std::span<const ReceivedMessage> batch,
                                           std::stop_token stop) {
  Outgoing outgoing;
  bool is_done = true;
  for (const ReceivedMessage& message : batch)
    is_done = is_done && handle_one(message, stop, &outgoing);
  // A command that is delivered again after a stop changes nothing more and is answered again.
  authenticate(keys_, outgoing.messages);
  is_done = is_done && outbox_.publish(outgoing, stop);
  return std::vector<Verdict>(batch.size(), is_done ? Verdict::kAck : Verdict::kNack);
}

bool OfficeHandler::handle_one(const ReceivedMessage& message, std::stop_token stop,
                               Outgoing* outgoing) {
  if (inbound_.is_stray(message)) return true;
  const std::string_view signature = message.attribute(wire::kSignature);
  if (message.data.size() > wire::kMaxOfficeMessageBytes) {
    inbound_.reject("the message is too large", message, std::nullopt, outgoing);
    return true;
  }
  if (!office_ || !office_->verifies(message.data, signature)) {
    inbound_.turn_away(message, outgoing);
    return true;
  }
  const auto command = wire::parse_office_command(message.data);
  OfficeAnswer answered;
  if (!command.ok()) {
    answered = refusal({}, std::string(command.status().message()));
    inbound_.reject(answered.reason, message, std::nullopt, outgoing);
  } else {
    const SignedEvent signed_command{.data = std::string(message.data),
                                     .signature = std::string(signature)};
    const bool is_answered = redis_.hold_until_ok(stop, [&]() -> absl::Status {
      auto result = answer(signed_command, *command);
      // What the register holds of this election is damaged. The office is told, and the commands
      // for other elections must not wait.
      if (absl::IsFailedPrecondition(result.status())) {
        log_error("an office command cannot be carried out", {{"error", result.status()}});
        result = refusal({}, std::string(result.status().message()));
      }
      ASSIGN_OR_RETURN(answered, std::move(result));
      return absl::OkStatus();
    });
    if (!is_answered) return false;
    answered.kind = wire::kind_of(*command);
    answered.election = wire::election_of(*command);
  }
  answered.from = wire::kToLogger;
  answered.request = sha256(message.data);
  counter(metrics_, "pollbus_office_commands_total", "Commands of the office by result",
          {{"result", std::string(to_text(answered.result))}})
      .Increment();
  outgoing->messages.push_back(
      wire::office_answer_message(answered, std::string(message.attribute(wire::kOfficeId))));
  return true;
}

OfficeHandler::Answer OfficeHandler::answer(const SignedEvent& signed_command,
                                            const wire::OfficeCommand& command) {
  if (const auto* event = std::get_if<wire::EventCommand>(&command))
    return answer_event(signed_command, *event);
  if (const auto* chunk = std::get_if<wire::RollChunk>(&command)) return answer_chunk(*chunk);
  if (const auto* voter = std::get_if<wire::NewVoter>(&command)) return answer_new_voter(*voter);
  return answer_request(std::get<wire::OfficeRequest>(command));
}

OfficeHandler::Answer OfficeHandler::answer_event(const SignedEvent& signed_event,
                                                  const wire::EventCommand& command) {
  const Event& event = command.event;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const CurrentElection current, states_.read(event.election));
    const auto next = apply_event(current.state, event, command.hash);
    if (!next.ok()) return answer_refused_event(command, current, next.status());
    if (event.roll) {
      ASSIGN_OR_RETURN(const OfficeAnswer checked, answer_roll(*event.roll, current));
      if (checked.result == CommandResult::kRefused) return checked;
    }
    ASSIGN_OR_RETURN(const AppendOutcome appended, elections_.append(signed_event, event, *next));
    if (appended == AppendOutcome::kOvertaken) continue;
    if (appended == AppendOutcome::kVoterMissing) {
      return refusal(current,
                     "the voter whom this event adds is not known here: repeat election-office "
                     "add-voter with the voter's number");
    }
    if (appended == AppendOutcome::kRollIncomplete) {
      // What was staged is of no use, so that it must be sent again.
      RETURN_IF_ERROR(elections_.remove_staged(event.election, std::nullopt));
      OfficeAnswer incomplete = refusal(current, "the roll has not as many voters as it should");
      incomplete.missing_chunks = missing_chunks({}, event.roll->chunks);
      return incomplete;
    }
    log_info("office event applied", {{"election", event.election},
                                      {"sequence", event.sequence},
                                      {"kind", to_text(event.kind)}});
    if (event.roll) RETURN_IF_ERROR(elections_.remove_staged(event.election, event.roll->hash));
    ASSIGN_OR_RETURN(const CurrentElection now, states_.read(event.election));
    return answer_about(now, CommandResult::kApplied);
  }
  return absl::UnavailableError("other loggers keep applying events of this election");
}

OfficeHandler::Answer OfficeHandler::answer_refused_event(const wire::EventCommand& command,
                                                          const CurrentElection& current,
                                                          const absl::Status& why) {
  const std::int64_t sequence = current.state ? current.state->sequence : 0;
  if (absl::IsAlreadyExists(why)) return answer_about(current, CommandResult::kAlreadyApplied);
  OfficeAnswer refused = refusal(current, std::string(why.message()));
  if (command.event.sequence > sequence || command.event.sequence < 1) return refused;
  // An event that was applied earlier, or one that another event was faster than.
  ASSIGN_OR_RETURN(const ElectionSnapshot rest,
                   elections_.read(command.event.election, command.event.sequence - 1));
  if (rest.events.empty()) return refused;
  const SignedEvent& there = rest.events.front();
  if (sha256(there.data) == command.hash)
    return answer_about(current, CommandResult::kAlreadyApplied);
  refused.events = {there};
  return refused;
}

// Refused if the roll cannot be put in force.
OfficeHandler::Answer OfficeHandler::answer_roll(const RollSummary& roll,
                                                 const CurrentElection& current) {
  ASSIGN_OR_RETURN(const StagedRoll staged,
                   elections_.staged(current.state->definition.election, roll.hash));
  OfficeAnswer refused = refusal(current, "chunks of the roll are missing");
  refused.missing_chunks = missing_chunks(staged, roll.chunks);
  if (!refused.missing_chunks.empty()) return refused;
  const auto problem = problem_with_roll(current.state->definition, roll, staged);
  if (problem) return refusal(current, *problem);
  return answer_about(current, CommandResult::kAnswer);
}

OfficeHandler::Answer OfficeHandler::answer_chunk(const wire::RollChunk& chunk) {
  ASSIGN_OR_RETURN(const CurrentElection current, states_.read(chunk.election));
  if (!current.state) return refusal(current, std::string(kReasonNotDefined));
  const auto problem = problem_with_chunk(current.state->definition, chunk);
  if (problem) return refusal(current, *problem);
  if (phase_at(*current.state, current.now_ms) == Phase::kDefined) return stage(chunk, current);
  ASSIGN_OR_RETURN(const StagedRoll staged, elections_.staged(chunk.election, chunk.roll));
  const auto found = staged.chunk_hashes.find(chunk.chunk);
  if (found != staged.chunk_hashes.end() && found->second == sha256(wire::chunk_bytes(chunk)))
    return answer_about(current, CommandResult::kAlreadyApplied);
  return refusal(current, "the election has opened, so that its roll can no longer be replaced");
}

OfficeHandler::Answer OfficeHandler::stage(const wire::RollChunk& chunk,
                                           const CurrentElection& current) {
  ASSIGN_OR_RETURN(const StageOutcome outcome, elections_.stage(chunk));
  if (outcome == StageOutcome::kDiffers)
    return refusal(current, "another chunk of this roll has this number");
  OfficeAnswer answered =
      answer_about(current, outcome == StageOutcome::kStaged ? CommandResult::kApplied
                                                             : CommandResult::kAlreadyApplied);
  ASSIGN_OR_RETURN(const StagedRoll staged, elections_.staged(chunk.election, chunk.roll));
  answered.missing_chunks = missing_chunks(staged, chunk.chunks);
  return answered;
}

OfficeHandler::Answer OfficeHandler::answer_new_voter(const wire::NewVoter& voter) {
  ASSIGN_OR_RETURN(const CurrentElection current, states_.read(voter.election));
  if (!current.state) return refusal(current, std::string(kReasonNotDefined));
  const auto problem = problem_with_new_voter(*current.state, voter.entry);
  if (problem) return refusal(current, *problem);
  ASSIGN_OR_RETURN(const NewVoterOutcome outcome, elections_.keep(voter, *current.state));
  switch (outcome) {
    case NewVoterOutcome::kKept:
      return answer_about(current, CommandResult::kApplied);
    case NewVoterOutcome::kOnRoll:
      return answer_about(current, CommandResult::kAlreadyApplied);
    case NewVoterOutcome::kOnRollWithOtherCode:
      return refusal(current, "the voter is on the roll already, with another code");
  }
  return absl::InternalError("unknown outcome");
}

OfficeHandler::Answer OfficeHandler::answer_request(const wire::OfficeRequest& request) {
  if (request.kind != wire::RequestKind::kStatus)
    return refusal({}, "loggers do not know this; ask the recorders");
  if (!request.election) return answer_status_of_all();
  ASSIGN_OR_RETURN(const CurrentElection current, states_.read(*request.election));
  return answer_about(current, CommandResult::kAnswer);
}

OfficeHandler::Answer OfficeHandler::answer_status_of_all() {
  OfficeAnswer answered;
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> elections, elections_.elections());
  for (const std::int64_t election : elections) {
    const auto read = states_.read(election);
    if (absl::IsFailedPrecondition(read.status())) {
      log_error("an election cannot be read", {{"election", election}, {"error", read.status()}});
      continue;
    }
    ASSIGN_OR_RETURN(const CurrentElection current, read);
    answered.now_utc_ms = current.now_ms;
    if (!current.state) continue;
    answered.elections.push_back({.election = election,
                                  .state = answered_state(*current.state, current.now_ms),
                                  .marks = current.marks,
                                  .rows = {},
                                  .roll = answered_roll(*current.state)});
  }
  return answered;
}

}  // namespace pollbus::voting_logger
