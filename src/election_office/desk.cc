#include "election_office/desk.h"

#include <fmt/format.h>

#include "base/status.h"
#include "election/uuid.h"

namespace pollbus::election_office {
namespace {

using wire::CommandResult;
using wire::OfficeAnswer;
using wire::OfficeRequest;
using wire::RequestKind;

constexpr std::size_t kMaxElectionsListed = 10'000;

// The event that stands where ours was to stand, in words.
absl::Status another_was_faster(const OfficeAnswer& answer, const std::string& zone) {
  if (answer.events.empty()) return absl::AbortedError(answer.reason);
  const auto event = parse_event(answer.events.front().data);
  if (!event.ok()) return absl::AbortedError(answer.reason);
  return absl::AbortedError(
      fmt::format("another official was faster: {}. Look at election-office status, then decide "
                  "whether your command is still right",
                  describe_event(*event, zone)));
}

absl::Status refused_by(std::string_view service, const OfficeAnswer& answer) {
  return absl::FailedPreconditionError(fmt::format("the {} refuses: {}", service, answer.reason));
}

bool is_applied(const OfficeAnswer& answer) {
  return answer.result == CommandResult::kApplied ||
         answer.result == CommandResult::kAlreadyApplied;
}

}  // namespace

std::string describe_event(const Event& event, const std::string& zone) {
  return fmt::format("event {}, {}, at {}", event.sequence, to_text(event.kind),
                     local_text(event.time_ms, zone));
}

std::int64_t Desk::now_ms() const { return unix_ms(clock_.wall_now()); }

absl::StatusOr<OfficeAnswer> Desk::send(std::string_view service, const std::string& data) {
  return services_.ask(Command{.data = data, .to = service});
}

absl::StatusOr<OfficeAnswer> Desk::ask(const OfficeRequest& request, std::string_view service) {
  OfficeRequest unique = request;
  unique.uuid = random_uuid();
  return send(service, encode(unique));
}

absl::StatusOr<OfficeAnswer> Desk::status(std::string_view service, std::int64_t election) {
  return ask({.kind = RequestKind::kStatus, .election = election}, service);
}

absl::StatusOr<OfficeAnswer> Desk::results(std::int64_t election) {
  return ask({.kind = RequestKind::kResults, .election = election}, wire::kToRecorder);
}

absl::StatusOr<std::vector<std::int64_t>> Desk::elections() {
  ASSIGN_OR_RETURN(const OfficeAnswer answer,
                   ask({.kind = RequestKind::kStatus}, wire::kToRecorder));
  std::vector<std::int64_t> numbers;
  for (const auto& election : answer.elections) {
    if (numbers.size() < kMaxElectionsListed) numbers.push_back(election.election);
  }
  return numbers;
}

absl::StatusOr<Record> Desk::read(std::int64_t election) {
  Record record;
  const OfficePublicKey office = key_.public_key();
  while (true) {
    const std::int64_t have = record.state ? record.state->sequence : 0;
    ASSIGN_OR_RETURN(const OfficeAnswer answer,
                     ask({.kind = RequestKind::kHistory, .election = election, .from = have + 1},
                         wire::kToRecorder));
    if (answer.result == CommandResult::kRefused) return refused_by(answer.from, answer);
    for (const SignedEvent& event : answer.events) {
      if (!office.verifies(event.data, event.signature)) {
        return absl::UnauthenticatedError(
            fmt::format("the history of election {} was signed with another key than the one in "
                        "this office's folder",
                        election));
      }
      auto next = apply_event(record.state, event.data);
      if (!next.ok()) return annotate(next.status(), "the recorder's history is not a chain");
      record.state = *std::move(next);
      record.history.push_back(event);
    }
    const std::int64_t last = answer.state ? answer.state->sequence : 0;
    const std::int64_t reached = record.state ? record.state->sequence : 0;
    if (reached >= last) return record;
    if (reached == have) {
      return absl::DataLossError(fmt::format("the recorder does not show event {}", have + 1));
    }
  }
}

absl::StatusOr<Record> Desk::read_defined(std::int64_t election) {
  ASSIGN_OR_RETURN(Record record, read(election));
  if (!record.state) {
    return absl::NotFoundError(fmt::format(
        "election {} is not defined: election-office define FILE defines it", election));
  }
  return record;
}

absl::StatusOr<OfficeAnswer> Desk::bring_logger_up_to_date(std::int64_t election,
                                                           const Record& record) {
  ASSIGN_OR_RETURN(OfficeAnswer answer, status(wire::kToLogger, election));
  const std::int64_t known = answer.state ? answer.state->sequence : 0;
  const auto size = static_cast<std::int64_t>(record.history.size());
  if (known > size) {
    return absl::DataLossError(fmt::format(
        "the logger knows event {} of election {}, and the recorder only {}: was PostgreSQL "
        "restored from an older backup? See \"When something goes wrong\" in docs/elections.md",
        known, election, size));
  }
  for (std::int64_t i = known; i < size; ++i) {
    const std::string& data = record.history[static_cast<std::size_t>(i)].data;
    ASSIGN_OR_RETURN(answer, send(wire::kToLogger, data));
    if (!answer.missing_chunks.empty()) {
      return absl::FailedPreconditionError(
          "the logger lacks parts of the roll: repeat election-office roll import FILE with the "
          "file that was imported");
    }
    if (!is_applied(answer)) return refused_by(wire::kToLogger, answer);
  }
  return answer;
}

absl::StatusOr<Done> Desk::append(std::int64_t election, const Record& record, Event event) {
  event.election = election;
  event.sequence = record.state ? record.state->sequence + 1 : 1;
  event.previous = record.state ? record.state->last : Sha256{};
  if (event.time_ms == 0) event.time_ms = now_ms() / 1'000 * 1'000;
  const std::string data = encode(event);
  ASSIGN_OR_RETURN(ElectionState state, apply_event(record.state, data));

  ASSIGN_OR_RETURN(const OfficeAnswer recorded, send(wire::kToRecorder, data));
  if (!is_applied(recorded)) {
    if (!recorded.events.empty()) {
      return another_was_faster(recorded, state.definition.time_zone);
    }
    if (event.kind == EventKind::kSeal && recorded.rows && *recorded.rows != *event.marks) {
      return absl::UnavailableError(
          fmt::format("{} of {} votes have arrived at the recorder", *recorded.rows, *event.marks));
    }
    return refused_by(wire::kToRecorder, recorded);
  }
  ASSIGN_OR_RETURN(const OfficeAnswer logged, send(wire::kToLogger, data));
  if (!is_applied(logged)) {
    // Another official's run may have sent the logger this event and more meanwhile.
    const bool is_behind_us = logged.state && logged.state->sequence > event.sequence;
    if (!is_behind_us) return refused_by(wire::kToLogger, logged);
  }
  return Done{.event = std::move(event), .state = std::move(state)};
}

Sha256 Desk::roll_salt(std::int64_t election) const {
  return key_.secret_for(fmt::format("pollbus roll salt {}", election));
}

absl::StatusOr<OfficeAnswer> Desk::tell_logger(wire::NewVoter voter) {
  voter.uuid = random_uuid();
  ASSIGN_OR_RETURN(OfficeAnswer answer, send(wire::kToLogger, encode(voter)));
  if (!is_applied(answer)) return refused_by(wire::kToLogger, answer);
  return answer;
}

absl::StatusOr<std::optional<Done>> Desk::add_voter(std::int64_t election, const Record& record,
                                                    const RollEntry& voter) {
  const wire::NewVoter added{.election = election, .entry = voter, .salt = roll_salt(election)};
  auto logger = bring_logger_up_to_date(election, record);
  if (absl::IsFailedPrecondition(logger.status())) {
    // A logger that was restored from a backup may lack the voter of an earlier run.
    RETURN_IF_ERROR(tell_logger(added).status());
    logger = bring_logger_up_to_date(election, record);
  }
  RETURN_IF_ERROR(logger.status());
  ASSIGN_OR_RETURN(const OfficeAnswer kept, tell_logger(added));
  if (kept.result == CommandResult::kAlreadyApplied) return std::optional<Done>();
  Event event{.kind = EventKind::kAddVoter, .added = commitment_to(added)};
  RETURN_IF_ERROR(check_transition(*record.state, event, now_ms()));
  ASSIGN_OR_RETURN(Done done, append(election, record, std::move(event)));
  return done;
}

}  // namespace pollbus::election_office
