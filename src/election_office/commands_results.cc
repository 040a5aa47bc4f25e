// The command that shows and exports results.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "base/files.h"
#include "base/status.h"
#include "election/results.h"
#include "election/results_export.h"
#include "election_office/commands.h"
#include "election_office/sentences.h"

namespace pollbus::election_office {
namespace {

struct FormatName {
  std::string_view name;
  ResultsFormat format;
};
constexpr std::array kFormats = {
    FormatName{"table", ResultsFormat::kTable}, FormatName{"csv", ResultsFormat::kCsv},
    FormatName{"json", ResultsFormat::kJson}, FormatName{"cdf", ResultsFormat::kCdf}};
constexpr mode_t kEverybodyReads = 0644;

absl::StatusOr<ResultsFormat> format_of(const std::string& name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return absl::InvalidArgumentError("--format: expected table, csv, json or cdf");
}

absl::StatusOr<Results> fetch_results(Desk& desk, std::int64_t election) {
  ASSIGN_OR_RETURN(const Record record, desk.read_defined(election));
  const ElectionState& state = *record.state;
  ASSIGN_OR_RETURN(const auto answer, desk.results(election));
  ASSIGN_OR_RETURN(const Event last, parse_event(record.history.back().data));
  ResultsInput input{.definition = state.definition,
                     .phase = answer.state ? answer.state->phase : state.phase,
                     .marks = state.marks,
                     .sequence = state.sequence,
                     .last = state.last};
  if (state.definition.needs_roll() && state.roll) input.roll = state.voters();
  if (answer.tally) {
    input.votes_by_choice.emplace();
    for (const auto& [voting, votes] : *answer.tally) (*input.votes_by_choice)[voting] += votes;
  }
  for (const auto& [machine, votes] : answer.by_machine) input.votes_by_machine[machine] = votes;
  // A result that no longer changes has the time of the last event, so that its exports are equal.
  const bool is_final = state.phase >= Phase::kSealed;
  input.as_of_utc_ms = is_final ? last.time_ms : answer.now_utc_ms.value_or(desk.now_ms());
  return make_results(input);
}

// `out` names a file, or a folder in which the file gets its usual name.
std::string file_for(const Results& results, ResultsFormat format, const std::string& out) {
  std::error_code error;
  if (!std::filesystem::is_directory(out, error)) return out;
  return (std::filesystem::path(out) / results_file_name(results, format)).string();
}

absl::StatusOr<Report> results_report(Office& office, Desk& desk, std::int64_t election) {
  const Options& options = office.options();
  ASSIGN_OR_RETURN(const ResultsFormat format, format_of(options.format));
  ASSIGN_OR_RETURN(const Results results, fetch_results(desk, election));
  const std::string text = export_results(results, format, options.language);
  Report report;
  if (options.out.empty()) {
    report.body = text;
    report.details = nlohmann::json::parse(results_as_json(results));
    return report;
  }
  const std::string file = file_for(results, format, options.out);
  RETURN_IF_ERROR(write_whole_file(file, text, kEverybodyReads));
  RETURN_IF_ERROR(write_whole_file(file + ".sig", desk.sign(text) + "\n", kEverybodyReads));
  report.what = fmt::format(
      "The results of election {} ({}) are in {}, and the office's signature in {}.sig.", election,
      status_text(results.phase), file, file);
  report.details = {
      {"election_ID", election}, {"file", file}, {"status", status_text(results.phase)}};
  if (results.phase != Phase::kCertified) {
    report.next = "these results are not certified: election-office status shows what is missing.";
  }
  return report;
}

}  // namespace

Outcome results(Office& office) {
  const std::string& out = office.options().out;
  const auto elections = office.chosen_elections();
  std::error_code error;
  if (elections.ok() && elections->size() > 1 && !out.empty() &&
      !std::filesystem::is_directory(out, error)) {
    return {.error = absl::InvalidArgumentError(
                "--out: the results of several elections need a folder that exists")};
  }
  return for_each_election(office, [&](Desk& desk, std::int64_t election) {
    return results_report(office, desk, election);
  });
}

}  // namespace pollbus::election_office
