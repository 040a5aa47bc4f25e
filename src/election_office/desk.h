#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "election/election_state.h"
#include "election/signature.h"
#include "election_office/services.h"

namespace pollbus::election_office {

// An election as the recorder's history tells it.
struct Record {
  std::vector<SignedEvent> history;  // empty: not defined
  std::optional<ElectionState> state;
};

// An event that both services have applied, and the state after it.
struct Done {
  Event event;
  ElectionState state;
};

// Takes elections from one state to the next. An event goes to the recorder first, which decides
// between two officials, and then to the logger; events that the logger lacks, because a run was
// killed in between, are sent to it first. So every step can be repeated. Not thread-safe.
// Errors: FAILED_PRECONDITION with a sentence for a step that is not allowed, ABORTED if another
// official was faster, DEADLINE_EXCEEDED if a service does not answer.
class Desk {
 public:
  // Borrows everything.
  Desk(Services& services, const OfficePrivateKey& key, Clock& clock)
      : services_(services), key_(key), clock_(clock) {}

  // The numbers of all elections that are defined.
  absl::StatusOr<std::vector<std::int64_t>> elections();

  // Reads and verifies the history.
  absl::StatusOr<Record> read(std::int64_t election);
  // The same for an election that must be defined.
  absl::StatusOr<Record> read_defined(std::int64_t election);

  // Sends the logger the events of the record that it lacks. Returns its last answer.
  absl::StatusOr<wire::OfficeAnswer> bring_logger_up_to_date(std::int64_t election,
                                                             const Record& record);

  // Appends an event of which `event` has the kind and its fields; the rest is filled in.
  // UNAVAILABLE, with both numbers, if the recorder lacks votes before it can be sealed.
  absl::StatusOr<Done> append(std::int64_t election, const Record& record, Event event);

  // Adds a voter to the roll by an event that does not say who it is: the logger is told first.
  // Nothing if the voter is on the roll already.
  absl::StatusOr<std::optional<Done>> add_voter(std::int64_t election, const Record& record,
                                                const RollEntry& voter);

  // Answers of one service about one election.
  absl::StatusOr<wire::OfficeAnswer> status(std::string_view service, std::int64_t election);
  absl::StatusOr<wire::OfficeAnswer> results(std::int64_t election);

  // The salt for everything about the voters of an election that others than loggers may read.
  Sha256 roll_salt(std::int64_t election) const;

  // The office's signature over a text, 128 hexadecimal digits.
  std::string sign(std::string_view text) const { return key_.sign(text); }

  Services& services() { return services_; }
  std::int64_t now_ms() const;

 private:
  absl::StatusOr<wire::OfficeAnswer> ask(const wire::OfficeRequest& request,
                                         std::string_view service);
  absl::StatusOr<wire::OfficeAnswer> send(std::string_view service, const std::string& data);
  absl::StatusOr<wire::OfficeAnswer> tell_logger(wire::NewVoter voter);

  Services& services_;
  const OfficePrivateKey& key_;
  Clock& clock_;
};

// "event 3, open, at 2026-12-01 08:00 America/Toronto (UTC-05:00)".
std::string describe_event(const Event& event, const std::string& zone);

}  // namespace pollbus::election_office
