// The commands that show an election and change nothing.
#include <fmt/format.h>

#include <iostream>

#include "base/status.h"
#include "election_office/commands.h"
#include "election_office/sentences.h"

namespace pollbus::election_office {
namespace {

constexpr std::chrono::seconds kWatchPause{2};

std::string title_line(const Definition& definition, const std::string& language) {
  return fmt::format("Election {}: {} ({}){}\n", definition.election,
                     text_in(definition.title, language), definition.event,
                     definition.is_test ? "  TEST: a rehearsal, not an election" : "");
}

// What one service says about the election, or that it says nothing.
std::string service_line(std::string_view name, const Answer& answer, std::int64_t sequence) {
  if (!answer.ok())
    return fmt::format("  {:12} {}\n", name, std::string(answer.status().message()));
  const std::int64_t known = answer->state ? answer->state->sequence : 0;
  const std::string lag =
      known == sequence ? "" : fmt::format(", {} behind", counted(sequence - known, "event"));
  if (answer->marks) {
    return fmt::format("  {:12} at event {}{}; {} marked as having voted\n", name, known, lag,
                       counted(*answer->marks, "voter"));
  }
  return fmt::format("  {:12} at event {}{}; {} stored\n", name, known, lag,
                     counted(answer->rows.value_or(0), "vote"));
}

absl::StatusOr<Report> status_report(Office& office, Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Record record, desk.read_defined(election));
  const ElectionState& state = *record.state;
  const Answer recorder = desk.status(wire::kToRecorder, election);
  const Answer logger = desk.status(wire::kToLogger, election);
  const std::int64_t now = logger.ok() && logger->now_utc_ms ? *logger->now_utc_ms : desk.now_ms();
  std::string body = title_line(state.definition, office.options().language);
  body += fmt::format("  {:12} {}\n", "phase", phase_sentence(state, now));
  if (state.definition.needs_roll()) {
    body += fmt::format("  {:12} {}\n", "roll",
                        state.roll ? counted(state.voters(), "voter") : "not imported");
  }
  body += service_line("recorder", recorder, state.sequence);
  body += service_line("logger", logger, state.sequence);
  body +=
      fmt::format("  {:12} {}\n", "fingerprint", short_fingerprint(fingerprint(state.definition)));
  Report report{.what = fmt::format("Election {} is {}.", election, phase_sentence(state, now)),
                .next = next_step(state, now),
                .body = std::move(body),
                .details = state_details(state, now)};
  if (recorder.ok() && recorder->rows) report.details["rows"] = *recorder->rows;
  if (logger.ok() && logger->marks) report.details["marks"] = *logger->marks;
  const std::int64_t known = logger.ok() && logger->state ? logger->state->sequence : 0;
  report.details["logger_sequence"] = known;
  if (logger.ok() && known != state.sequence) {
    report.next = "repeat the last command: the logger has not applied it yet.";
  }
  return report;
}

Outcome status_once(Office& office) {
  const auto elections = office.chosen_or_all_elections();
  if (!elections.ok()) return {.error = elections.status()};
  const auto desk = office.desk();
  if (!desk.ok()) return {.error = desk.status()};
  Outcome outcome;
  for (const std::int64_t election : *elections) {
    auto report = status_report(office, **desk, election);
    if (!report.ok()) {
      outcome.error = report.status();
      return outcome;
    }
    outcome.reports.push_back(*std::move(report));
  }
  return outcome;
}

std::string details_of(const Event& event, const std::string& zone) {
  if (event.definition) {
    return "fingerprint " + short_fingerprint(fingerprint(*event.definition));
  }
  if (event.roll) {
    return fmt::format("{}, hash {}", counted(event.roll->count, "voter"),
                       to_hex(event.roll->hash).substr(0, 16));
  }
  if (event.added) return "commitment " + to_hex(*event.added).substr(0, 16);
  if (event.closes) return "closes at " + both_times(event.closes->utc_ms, zone);
  if (event.marks) return counted(*event.marks, "vote");
  return "";
}

absl::StatusOr<Report> history_report(Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Record record, desk.read_defined(election));
  const std::string& zone = record.state->definition.time_zone;
  Report report{.what = fmt::format("All {} of election {} have the office's signature and follow "
                                    "each other.",
                                    counted(record.state->sequence, "event"), election)};
  for (const SignedEvent& known : record.history) {
    ASSIGN_OR_RETURN(const Event event, parse_event(known.data));
    const std::string hash = to_hex(sha256(known.data));
    report.body +=
        fmt::format("{:>4}  {:10} {}  {}  {}\n", event.sequence, to_text(event.kind),
                    hash.substr(0, 8), local_text(event.time_ms, zone), details_of(event, zone));
    report.details["events"].push_back({{"sequence", event.sequence},
                                        {"kind", to_text(event.kind)},
                                        {"hash", hash},
                                        {"data", known.data},
                                        {"signature", known.signature}});
  }
  report.details["election_ID"] = election;
  return report;
}

}  // namespace

Outcome status(Office& office) {
  if (!office.options().watch) return status_once(office);
  while (true) {
    const Outcome outcome = status_once(office);
    std::cout << "\033[H\033[2J";
    print_outcome(outcome, office.options().output());
    if (!office.clock().pause(kWatchPause, office.stop())) return {};
  }
}

Outcome history(Office& office) { return for_each_election(office, history_report); }

}  // namespace pollbus::election_office
