#include "voting_recorder/office_handler.h"

#include <fmt/format.h>

#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "election/office_messages.h"
#include "election/wire.h"

namespace pollbus::voting_recorder {
namespace {

std::optional<InboundKeys> inbound_keys(const ServiceKeys& keys,
                                        const OfficeHandler::Parts& parts) {
  if (keys.empty()) return std::nullopt;
  return InboundKeys{
      .is_authentic =
          [&keys](const ReceivedMessage& message) { return is_authentic(keys, message); },
      .setting = "RESULT_KEY",
      .clock = parts.clock,
      .readiness = parts.readiness};
}

void log_command(const wire::OfficeCommand& command, const wire::OfficeAnswer& answer) {
  const auto* event = std::get_if<wire::EventCommand>(&command);
  if (event == nullptr) return;
  log_info("office command", {{"kind", answer.kind},
                              {"election", event->event.election},
                              {"sequence", event->event.sequence},
                              {"result", wire::to_text(answer.result)},
                              {"reason", answer.reason}});
}

}  // namespace

OfficeHandler::OfficeHandler(Parts parts, std::optional<OfficePublicKey> office, ServiceKeys keys)
    : outbox_(parts.outbox),
      events_(parts.events),
      postgres_(parts.postgres),
      office_(std::move(office)),
      keys_(std::move(keys)),
      commands_({{std::string(wire::kFunction), std::string(wire::kOfficeCommand)},
                 {std::string(wire::kTo), std::string(wire::kToRecorder)}},
                parts.metrics),
      questions_({{std::string(wire::kFunction), std::string(wire::kDescribeElection)}},
                 parts.metrics, inbound_keys(keys_, parts)) {
  if (office_) desk_.emplace(events_, *office_);
}

std::vector<Verdict> OfficeHandler::handle(std::span<const ReceivedMessage> batch,
                                           std::stop_token stop) {
  std::vector<Verdict> give_back(batch.size(), Verdict::kNack);
  events_.stop_with(stop);
  Outgoing outgoing;
  for (const ReceivedMessage& message : batch) {
    Outgoing answers;
    const bool is_handled = postgres_.hold_until_ok(stop, [&] {
      answers = {};
      return handle(message, &answers);
    });
    if (!is_handled) return give_back;
    for (Message& answer : answers.messages) outgoing.messages.push_back(std::move(answer));
    for (Message& notice : answers.notices) outgoing.notices.push_back(std::move(notice));
  }
  authenticate(keys_, outgoing.messages);
  if (!outbox_.publish(outgoing, stop)) return give_back;
  return std::vector<Verdict>(batch.size(), Verdict::kAck);
}

absl::Status OfficeHandler::handle(const ReceivedMessage& message, Outgoing* outgoing) {
  const bool is_question = message.attribute(wire::kFunction) == wire::kDescribeElection;
  if (!is_question && commands_.is_stray(message)) return absl::OkStatus();
  return is_question ? describe(message, outgoing) : carry_out(message, outgoing);
}

absl::Status OfficeHandler::carry_out(const ReceivedMessage& message, Outgoing* outgoing) {
  const std::string_view signature = message.attribute(wire::kSignature);
  if (message.data.size() > wire::kMaxOfficeMessageBytes) {
    const auto reason =
        fmt::format("the message is larger than {} bytes", wire::kMaxOfficeMessageBytes);
    commands_.reject(reason, message, std::nullopt, outgoing);
    return absl::OkStatus();
  }
  if (!office_ || !office_->verifies(message.data, signature)) {
    commands_.turn_away(message, outgoing);
    return absl::OkStatus();
  }
  const auto command = wire::parse_office_command(message.data);
  if (!command.ok()) {
    commands_.reject(std::string(command.status().message()), message, std::nullopt, outgoing);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const wire::OfficeAnswer answer,
                   desk_->carry_out(*command, {.data = std::string(message.data),
                                               .signature = std::string(signature)}));
  log_command(*command, answer);
  outgoing->messages.push_back(
      wire::office_answer_message(answer, std::string(message.attribute(wire::kOfficeId))));
  return absl::OkStatus();
}

absl::Status OfficeHandler::describe(const ReceivedMessage& message, Outgoing* outgoing) {
  if (questions_.is_forged(message, outgoing)) return absl::OkStatus();
  const auto request = wire::parse_describe(message.data);
  if (!request.ok()) {
    questions_.reject(std::string(request.status().message()), message, std::nullopt, outgoing);
    return absl::OkStatus();
  }
  if (!speaks_for(keys_, message, request->machine)) {
    questions_.turn_away(message, outgoing);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const wire::DescribeAnswer answer, answer_to(*request));
  outgoing->messages.push_back(wire::describe_answer_message(request->machine, answer));
  return absl::OkStatus();
}

absl::StatusOr<wire::DescribeAnswer> OfficeHandler::answer_to(
    const wire::DescribeRequest& request) {
  std::vector<std::int64_t> elections;
  if (request.election) elections.push_back(*request.election);
  if (request.event) {
    ASSIGN_OR_RETURN(elections, events_.elections(request.event));
  }
  wire::DescribeAnswer answer{.uuid = request.uuid, .elections = {}, .now_utc_ms = 0};
  for (const std::int64_t election : elections) {
    ASSIGN_OR_RETURN(std::vector<SignedEvent> events, events_.events(election, 1));
    if (events.empty()) continue;
    answer.elections.push_back({.election = election, .events = std::move(events)});
  }
  ASSIGN_OR_RETURN(answer.now_utc_ms, events_.now_utc_ms());
  return answer;
}

}  // namespace pollbus::voting_recorder
