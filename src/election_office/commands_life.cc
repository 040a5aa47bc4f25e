// The commands that take an election from one phase to the next.
#include <fmt/format.h>

#include "base/status.h"
#include "base/text.h"
#include "election_office/commands.h"
#include "election_office/sentences.h"

namespace pollbus::election_office {
namespace {

constexpr std::chrono::milliseconds kSealPause{500};
constexpr std::int64_t kMsPerMinute = 60'000;

// An election whose record is known and which both services know equally well.
struct Ready {
  Record record;
  std::int64_t now_ms = 0;  // by the logger's clock, which decides
  std::optional<std::int64_t> marks;
  const ElectionState& state() const { return *record.state; }
};

// Asks both services, and refuses with everything that is missing.
absl::StatusOr<Ready> make_ready(Desk& desk, std::int64_t election, bool needs_roll = false) {
  std::vector<std::string> missing;
  auto record = desk.read_defined(election);
  if (absl::IsDeadlineExceeded(record.status())) {
    // The official learns at once whether the other one answers.
    const auto logger = desk.status(wire::kToLogger, election);
    if (logger.ok()) return record.status();
    return absl::DeadlineExceededError(fmt::format("neither service answers:\n  - {}\n  - {}",
                                                   std::string(record.status().message()),
                                                   std::string(logger.status().message())));
  }
  if (!record.ok()) return record.status();
  Ready ready{.record = *std::move(record)};
  const auto logger = desk.bring_logger_up_to_date(election, ready.record);
  if (!logger.ok()) missing.push_back(std::string(logger.status().message()));
  if (needs_roll && ready.state().definition.needs_roll() && !ready.state().roll) {
    missing.push_back("the election needs a roll: election-office roll import FILE");
  }
  if (missing.size() == 1 && !logger.ok()) return logger.status();
  if (!missing.empty()) {
    return missing_error(fmt::format("election {} is not ready", election), missing);
  }
  ready.now_ms = logger->now_utc_ms.value_or(desk.now_ms());
  ready.marks = logger->marks;
  return ready;
}

Report report_on(const ElectionState& state, std::int64_t now_ms, std::string what) {
  return {.what = std::move(what),
          .next = next_step(state, now_ms),
          .details = state_details(state, now_ms)};
}

// The report of an event that was appended.
Report report_done(const Done& done, std::int64_t now_ms, std::string_view what) {
  Report report =
      report_on(done.state, now_ms,
                fmt::format("Election {} {} (event {}, at {}).", done.event.election, what,
                            done.event.sequence,
                            both_times(done.event.time_ms, done.state.definition.time_zone)));
  report.details["result"] = "applied";
  return report;
}

Report report_already(const Ready& ready, std::string_view what) {
  Report report = report_on(ready.state(), ready.now_ms,
                            fmt::format("Election {} {}: nothing had to be done.",
                                        ready.state().definition.election, what));
  report.details["result"] = "already applied";
  return report;
}

// Appends an event without further fields.
absl::StatusOr<Report> step(Desk& desk, const Ready& ready, EventKind kind, std::string_view what) {
  const std::int64_t election = ready.state().definition.election;
  ASSIGN_OR_RETURN(
      const Done done,
      desk.append(election, ready.record, {.time_ms = ready.now_ms / 1'000 * 1'000, .kind = kind}));
  return report_done(done, ready.now_ms, what);
}

absl::StatusOr<Report> open_one(Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Ready ready, make_ready(desk, election, /*needs_roll=*/true));
  if (phase_at(ready.state(), ready.now_ms) == Phase::kOpen) {
    return report_already(ready, "is open already");
  }
  return step(desk, ready, EventKind::kOpen, "is open");
}

absl::StatusOr<Report> pause_one(Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Ready ready, make_ready(desk, election));
  if (phase_at(ready.state(), ready.now_ms) == Phase::kPaused) {
    return report_already(ready, "is paused already");
  }
  return step(desk, ready, EventKind::kPause, "is paused");
}

absl::StatusOr<Report> resume_one(Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Ready ready, make_ready(desk, election));
  if (phase_at(ready.state(), ready.now_ms) == Phase::kOpen) {
    return report_already(ready, "is open");
  }
  return step(desk, ready, EventKind::kResume, "is open again");
}

absl::StatusOr<Report> close_one(Office& office, Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Ready ready, make_ready(desk, election));
  if (ready.state().phase >= Phase::kClosed) return report_already(ready, "is closed already");
  if (phase_at(ready.state(), ready.now_ms) != Phase::kClosed &&
      !office.confirms(fmt::format("Election {} will be closed for good.", election))) {
    return absl::CancelledError("nothing was done");
  }
  return step(desk, ready, EventKind::kClose, "is closed");
}

// "2026-12-01T21:00", or "+30m" after the present closing time.
absl::StatusOr<ZonedTime> new_closing_time(const ElectionState& state, const std::string& text) {
  const std::string& zone = state.definition.time_zone;
  if (!text.starts_with('+')) {
    auto time = resolve_local_time(text, zone);
    return time.ok() ? time : annotate(time.status(), "the closing time " + text);
  }
  const bool has_unit = text.ends_with('m') || text.ends_with('h');
  const auto number = parse_integer(text.substr(1, text.size() - (has_unit ? 2 : 1)));
  constexpr std::int64_t kMostMinutes = 60 * 24 * 31;
  if (!has_unit || !number || *number < 1 || *number > kMostMinutes) {
    return absl::InvalidArgumentError("expected minutes or hours such as +30m or +2h");
  }
  if (!state.closes_ms) {
    return absl::FailedPreconditionError("the election has no closing time that could be moved");
  }
  const std::int64_t closes =
      *state.closes_ms + *number * kMsPerMinute * (text.ends_with('h') ? 60 : 1);
  // In the form of the definition, "2026-12-01T20:30", without the zone behind it.
  std::string local = local_text(closes, zone).substr(0, 16);
  local[10] = 'T';
  return ZonedTime{.local = std::move(local), .utc_ms = closes};
}

// By how much the last event has extended the election; nothing if it is another event.
std::optional<std::int64_t> just_extended_by(const std::vector<SignedEvent>& history) {
  const auto last = parse_event(history.back().data);
  if (!last.ok() || last->kind != EventKind::kExtend) return std::nullopt;
  for (std::size_t i = history.size() - 1; i-- > 0;) {
    const auto before = parse_event(history[i].data);
    if (!before.ok()) return std::nullopt;
    const auto& closes = before->definition ? before->definition->closes : before->closes;
    if (closes) return last->closes->utc_ms - closes->utc_ms;
  }
  return std::nullopt;
}

absl::StatusOr<Report> extend_one(Desk& desk, std::int64_t election, const std::string& text) {
  ASSIGN_OR_RETURN(const Ready ready, make_ready(desk, election));
  ASSIGN_OR_RETURN(ZonedTime closes, new_closing_time(ready.state(), text));
  if (ready.state().closes_ms == closes.utc_ms) {
    return report_already(ready, "closes at that time already");
  }
  // A command that is repeated because it was interrupted must not extend the election twice.
  if (text.starts_with('+') &&
      just_extended_by(ready.record.history) == closes.utc_ms - *ready.state().closes_ms) {
    return report_already(
        ready,
        fmt::format("was extended by this time just now and closes at {} (to extend it once "
                    "more, name the new closing time)",
                    both_times(*ready.state().closes_ms, ready.state().definition.time_zone)));
  }
  ASSIGN_OR_RETURN(const Done done, desk.append(election, ready.record,
                                                {.time_ms = ready.now_ms / 1'000 * 1'000,
                                                 .kind = EventKind::kExtend,
                                                 .closes = std::move(closes)}));
  return report_done(done, ready.now_ms,
                     fmt::format("closes at {} now", both_times(*done.state.closes_ms,
                                                                done.state.definition.time_zone)));
}

// Until the last votes have arrived at the recorder, it refuses.
absl::StatusOr<Report> seal_one(Office& office, Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(Ready ready, make_ready(desk, election));
  if (ready.state().phase >= Phase::kSealed) return report_already(ready, "is sealed already");
  const SteadyTime deadline = office.clock().now() + office.options().timeout;
  while (true) {
    ASSIGN_OR_RETURN(const auto logger, desk.status(wire::kToLogger, election));
    if (!logger.marks) return absl::DataLossError("the logger does not say how many have voted");
    const auto done = desk.append(
        election, ready.record,
        {.time_ms = ready.now_ms / 1'000 * 1'000, .kind = EventKind::kSeal, .marks = logger.marks});
    if (done.ok()) {
      Report report = report_done(*done, ready.now_ms,
                                  fmt::format("is sealed with {}", counted(*logger.marks, "vote")));
      return report;
    }
    if (!absl::IsUnavailable(done.status())) return done.status();
    if (office.clock().now() >= deadline) {
      return absl::DeadlineExceededError(fmt::format(
          "{}. Votes are still on their way: keep recorders and machines running and repeat "
          "election-office seal. If the numbers stay apart, see docs/elections.md",
          std::string(done.status().message())));
    }
    if (!office.clock().pause(kSealPause, office.stop())) {
      return absl::DeadlineExceededError("interrupted: votes are still on their way");
    }
  }
}

// The votes of every choice, in the order of the definition.
std::vector<ChoiceCount> complete_tally(const Definition& definition,
                                        const std::vector<ChoiceCount>& counted) {
  std::vector<ChoiceCount> tally;
  for (const Choice& choice : definition.choices) {
    ChoiceCount line{.voting = choice.voting};
    for (const auto& [voting, votes] : counted) {
      if (voting == choice.voting) line.votes += votes;
    }
    tally.push_back(line);
  }
  return tally;
}

std::string tally_table(const Definition& definition, const std::vector<ChoiceCount>& tally,
                        const std::string& language) {
  std::string table;
  for (std::size_t i = 0; i < tally.size(); ++i) {
    table += fmt::format("{:>12}  {}\n", grouped(tally[i].votes),
                         text_in(definition.choices[i].name, language));
  }
  return table;
}

absl::StatusOr<Report> certify_one(Office& office, Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Ready ready, make_ready(desk, election));
  if (ready.state().phase == Phase::kCertified)
    return report_already(ready, "is certified already");
  if (ready.state().phase != Phase::kSealed) {
    return absl::FailedPreconditionError(fmt::format(
        "the election is {}, and only a sealed election can be certified. Next: {}",
        to_text(phase_at(ready.state(), ready.now_ms)), next_step(ready.state(), ready.now_ms)));
  }
  ASSIGN_OR_RETURN(const auto results, desk.results(election));
  if (!results.tally) return absl::DataLossError("the recorder does not show the tally");
  const Definition& definition = ready.state().definition;
  std::vector<ChoiceCount> tally = complete_tally(definition, *results.tally);
  const std::string table = tally_table(definition, tally, office.options().language);
  if (!office.confirms(fmt::format("{}The result of election {} will be certified. This is final.",
                                   table, election))) {
    return absl::CancelledError("nothing was done");
  }
  ASSIGN_OR_RETURN(const Done done, desk.append(election, ready.record,
                                                {.time_ms = ready.now_ms / 1'000 * 1'000,
                                                 .kind = EventKind::kCertify,
                                                 .marks = ready.state().marks,
                                                 .tally = std::move(tally)}));
  Report report = report_done(
      done, ready.now_ms, fmt::format("is certified with {}", counted(*done.event.marks, "vote")));
  report.body = table;
  return report;
}

}  // namespace

Outcome open(Office& office) { return for_each_election(office, open_one); }
Outcome pause(Office& office) { return for_each_election(office, pause_one); }
Outcome resume(Office& office) { return for_each_election(office, resume_one); }

Outcome extend(Office& office) {
  const std::string& text = office.options().arguments.front();
  return for_each_election(
      office, [&](Desk& desk, std::int64_t election) { return extend_one(desk, election, text); });
}

Outcome close(Office& office) {
  return for_each_election(
      office, [&](Desk& desk, std::int64_t election) { return close_one(office, desk, election); });
}

Outcome seal(Office& office) {
  return for_each_election(
      office, [&](Desk& desk, std::int64_t election) { return seal_one(office, desk, election); });
}

Outcome certify(Office& office) {
  return for_each_election(office, [&](Desk& desk, std::int64_t election) {
    return certify_one(office, desk, election);
  });
}

}  // namespace pollbus::election_office
