// The commands before an election exists: the key, and the definition.
#include <fmt/format.h>

#include "base/files.h"
#include "base/status.h"
#include "election_office/commands.h"
#include "election_office/definition_dialogue.h"
#include "election_office/sentences.h"

namespace pollbus::election_office {
namespace {

// The definition in a file, or an error with every problem and its place.
absl::StatusOr<Definition> read_definition(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(file, kMaxDefinitionBytes + 1));
  auto parsed = parse_definition(text);
  if (auto* definition = std::get_if<Definition>(&parsed)) return std::move(*definition);
  std::vector<std::string> lines;
  for (const auto& [place, what] : std::get<std::vector<Problem>>(parsed)) {
    lines.push_back(fmt::format("{} {}", place.empty() ? "the file" : place, what));
  }
  return missing_error(
      fmt::format("{} has {}", file, counted(static_cast<std::int64_t>(lines.size()), "problem")),
      lines);
}

// What an official compares before the election is defined.
std::string summary_of(const Definition& definition) {
  std::string text =
      fmt::format("Election {}: {}{}\n", definition.election, text_in(definition.title, "en"),
                  definition.is_test ? "  (TEST: a rehearsal)" : "");
  text += fmt::format("  event        {}\n", definition.event);
  for (const auto& [language, title] : definition.title) {
    text += fmt::format("  title {:6} {}\n", language, title);
  }
  text += fmt::format("  choices      {}\n", definition.choices.size());
  for (const Choice& choice : definition.choices) {
    text += fmt::format("  {:>11}  {}\n", choice.voting, text_in(choice.name, "en"));
  }
  const auto time = [&](const std::optional<ZonedTime>& at) {
    return at ? both_times(at->utc_ms, definition.time_zone) : std::string("by hand");
  };
  text += fmt::format("  opens        {}\n  closes       {}\n", time(definition.opens),
                      time(definition.closes));
  text += fmt::format("  eligibility  {}\n  results      {}\n", to_text(definition.eligibility),
                      to_text(definition.results));
  text += fmt::format("  fingerprint  {}\n", short_fingerprint(fingerprint(definition)));
  return text;
}

absl::StatusOr<Report> keygen_report(Office& office) {
  ASSIGN_OR_RETURN(const OfficePrivateKey key, office.folder().make_key());
  const std::string hex = key.public_key().to_hex();
  return Report{
      .what = fmt::format("The office's signing key is in {}; keep a copy in a safe place.",
                          office.folder().key_file().string()),
      .next =
          fmt::format("give all services and machines the public key: OFFICE_PUBLIC_KEY={}", hex),
      .details = {{"public_key", hex}, {"key_file", office.folder().key_file().string()}}};
}

absl::StatusOr<Report> check_report(const std::string& file) {
  ASSIGN_OR_RETURN(const Definition definition, read_definition(file));
  return Report{.what = fmt::format("{} is a valid definition.", file),
                .next = fmt::format("compare the fingerprint {} and run: election-office define {}",
                                    short_fingerprint(fingerprint(definition)), file),
                .body = summary_of(definition),
                .details = {{"election_ID", definition.election},
                            {"fingerprint", to_hex(fingerprint(definition))},
                            {"short_fingerprint", short_fingerprint(fingerprint(definition))}}};
}

absl::Status check_not_over(const Definition& definition, std::int64_t now_ms) {
  if (!definition.closes || definition.closes->utc_ms > now_ms) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the closing time {} has passed already",
                  both_times(definition.closes->utc_ms, definition.time_zone)));
}

absl::StatusOr<Report> define_report(Office& office, const std::string& file) {
  ASSIGN_OR_RETURN(const Definition definition, read_definition(file));
  ASSIGN_OR_RETURN(Desk * desk, office.desk());
  ASSIGN_OR_RETURN(const Record record, desk->read(definition.election));
  const std::string shown = short_fingerprint(fingerprint(definition));
  ElectionState state;
  std::string what;
  if (record.state) {
    if (record.state->definition.canonical != definition.canonical) {
      return absl::AlreadyExistsError(fmt::format(
          "election {} is defined already, differently (fingerprint {}, the file has {}): a "
          "definition cannot be changed; take another election_ID",
          definition.election, short_fingerprint(fingerprint(record.state->definition)), shown));
    }
    RETURN_IF_ERROR(desk->bring_logger_up_to_date(definition.election, record).status());
    state = *record.state;
    what = fmt::format("Election {} is defined already, with the fingerprint {}.",
                       definition.election, shown);
  } else {
    RETURN_IF_ERROR(check_not_over(definition, desk->now_ms()));
    ASSIGN_OR_RETURN(Done done,
                     desk->append(definition.election, record,
                                  {.kind = EventKind::kDefine, .definition = definition}));
    state = std::move(done.state);
    what =
        fmt::format("Election {} is defined, with the fingerprint {}.", definition.election, shown);
  }
  const std::int64_t now = desk->now_ms();
  return Report{
      .what = std::move(what), .next = next_step(state, now), .details = state_details(state, now)};
}

}  // namespace

Outcome keygen(Office& office) { return outcome_of(keygen_report(office)); }

Outcome new_definition(Office& office) {
  const auto& arguments = office.options().arguments;
  return outcome_of(ask_for_definition(arguments.empty() ? "" : arguments.front()));
}

Outcome check(Office& office) {
  Outcome outcome;
  for (const std::string& file : office.options().arguments) {
    auto report = check_report(file);
    if (!report.ok()) {
      outcome.error = report.status();
      return outcome;
    }
    outcome.reports.push_back(*std::move(report));
  }
  return outcome;
}

Outcome define(Office& office) {
  Outcome outcome;
  for (const std::string& file : office.options().arguments) {
    auto report = define_report(office, file);
    if (!report.ok()) {
      outcome.error = report.status();
      return outcome;
    }
    outcome.reports.push_back(*std::move(report));
  }
  return outcome;
}

}  // namespace pollbus::election_office
