#include "election/results_export.h"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>

namespace pollbus {
namespace {

using Json = nlohmann::ordered_json;

// What a spreadsheet takes for the beginning of a formula, also in full-width form
// (https://owasp.org/www-community/attacks/CSV_Injection).
constexpr std::array<std::string_view, 11> kFormulaStarts{
    "=", "+", "-", "@", "\t", "\r", "\n", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"};

bool looks_like_formula(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.starts_with("\u00A0")) text.remove_prefix(2);
  return std::any_of(kFormulaStarts.begin(), kFormulaStarts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

std::string joined_markings(const Results& results, std::string_view separator) {
  std::string all;
  for (const std::string_view marking : markings(results)) {
    if (!all.empty()) all += separator;
    all += marking;
  }
  return all;
}

// Percentages in files have a point and no sign.
std::string plain_tenths(int tenths) { return fmt::format("{}.{}", tenths / 10, tenths % 10); }

class CsvFile {
 public:
  void add(std::initializer_list<std::string> cells) {
    bool is_first = true;
    for (const std::string& cell : cells) {
      if (!is_first) bytes_ += ',';
      is_first = false;
      bytes_ += csv_cell(cell);
    }
    bytes_ += "\r\n";
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Adds the rows of one election. Every row has the same columns, so a file can be sorted, filtered
// and appended to another one.
class ElectionRows {
 public:
  ElectionRows(CsvFile& file, const Results& results, const std::string& language)
      : file_(file),
        election_(std::to_string(results.definition.election)),
        title_(text_in(results.definition.title, language)),
        fingerprint_(results.short_fingerprint),
        marking_(joined_markings(results, " ")),
        status_(status_text(results.phase)),
        as_of_(utc_text(results.as_of_utc_ms)) {}

  void add(const char* row, const std::string& number, const std::string& name,
           const std::string& votes, const std::string& percent = "",
           const std::string& percent_of = "", const std::string& place = "",
           const std::string& tie = "") {
    file_.add({election_, title_, fingerprint_, marking_.empty() ? "OFFICIAL" : marking_, status_,
               as_of_, row, number, name, votes, percent, percent_of, place, tie});
  }

 private:
  CsvFile& file_;
  const std::string election_, title_, fingerprint_, marking_, status_, as_of_;
};

void add_tally(ElectionRows& rows, const Tally& tally, const std::string& language) {
  for (const ChoiceResult& choice : tally.choices)
    rows.add("choice", std::to_string(choice.voting), text_in(choice.name, language),
             std::to_string(choice.votes), plain_tenths(choice.tenths_of_percent), "valid votes",
             choice.place == 0 ? "" : std::to_string(choice.place), choice.is_tied ? "tie" : "");
  rows.add("valid votes", "", "", std::to_string(tally.valid));
  rows.add("blank votes", "", "", std::to_string(tally.blank));
  rows.add("rejected votes", "", "", std::to_string(tally.rejected));
}

void add_turnout(ElectionRows& rows, const Turnout& turnout) {
  rows.add("turnout", "", "", std::to_string(turnout.voted),
           turnout.tenths_of_percent ? plain_tenths(*turnout.tenths_of_percent) : "",
           turnout.tenths_of_percent ? "voters on the roll" : "");
  if (turnout.roll) rows.add("voters on the roll", "", "", std::to_string(*turnout.roll));
  for (const auto& [machine, votes] : turnout.by_machine)
    rows.add("machine", std::to_string(machine), "", std::to_string(votes));
}

Json tally_as_json(const Tally& tally) {
  Json choices = Json::array();
  for (const ChoiceResult& choice : tally.choices)
    choices.push_back({{"voting", choice.voting},
                       {"name", choice.name},
                       {"votes", choice.votes},
                       {"percent", choice.tenths_of_percent / 10.0},
                       {"place", choice.place == 0 ? Json() : Json(choice.place)},
                       {"tie", choice.is_tied}});
  return {{"choices", choices},
          {"percent_of", "valid votes"},
          {"valid_votes", tally.valid},
          {"blank_votes", tally.blank},
          {"rejected_votes", tally.rejected},
          {"tie_for_first_place", tally.leading.size() > 1}};
}

Json turnout_as_json(const Turnout& turnout) {
  Json machines = Json::array();
  for (const auto& [machine, votes] : turnout.by_machine)
    machines.push_back({{"machine_ID", machine}, {"votes", votes}});
  return {{"voted", turnout.voted},
          {"roll", turnout.roll ? Json(*turnout.roll) : Json()},
          {"percent", turnout.tenths_of_percent ? Json(*turnout.tenths_of_percent / 10.0) : Json()},
          {"percent_of", "voters on the roll"},
          {"by_machine", machines}};
}

// Control characters, among them those that change the direction of a whole line, do not belong on
// a terminal.
std::string printable(std::string_view text) {
  std::string clean;
  for (const char c : text) clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  return clean;
}

// Numbers come first: names of any width in any script cannot move them out of their columns.
std::string table_rows(const Tally& tally, const std::string& language) {
  std::string text =
      fmt::format("{:>5}  {:>15}  {:>8}  {}\n", "Place", "Votes", "Percent", "Choice");
  for (const std::size_t index : by_votes(tally)) {
    const ChoiceResult& choice = tally.choices[index];
    text += fmt::format("{:>5}  {:>15}  {:>8}  {}{}\n",
                        choice.place == 0 ? "-" : std::to_string(choice.place),
                        format_count(choice.votes), format_tenths(choice.tenths_of_percent),
                        printable(text_in(choice.name, language)), choice.is_tied ? " (tie)" : "");
  }
  text += fmt::format("{:>5}  {:>15}  {:>8}  valid votes\n", "", format_count(tally.valid), "");
  text += fmt::format("{:>5}  {:>15}  {:>8}  blank votes\n", "", format_count(tally.blank), "");
  text +=
      fmt::format("{:>5}  {:>15}  {:>8}  rejected votes\n", "", format_count(tally.rejected), "");
  return text + "Percentages are of the valid votes, rounded so that they add up to 100.0 %.\n";
}

std::string turnout_line(const Turnout& turnout) {
  if (!turnout.roll) return fmt::format("Turnout: {} voted\n", format_count(turnout.voted));
  return fmt::format("Turnout: {} of {} voters on the roll{}\n", format_count(turnout.voted),
                     format_count(*turnout.roll),
                     turnout.tenths_of_percent
                         ? fmt::format(" ({})", format_tenths(*turnout.tenths_of_percent))
                         : "");
}

}  // namespace

std::string csv_cell(std::string_view text) {
  std::string cell(looks_like_formula(text) ? "'" : "");
  cell += text;
  if (cell.find_first_of(",\"\r\n") == std::string::npos && !cell.starts_with(' ') &&
      !cell.ends_with(' '))
    return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string results_as_csv(const Results& results, const std::string& language) {
  CsvFile file;
  file.add({"Election ID", "Election", "Definition", "Marking", "Status", "As of", "Row", "Number",
            "Name", "Votes", "Percent", "Percent of", "Place", "Tie"});
  ElectionRows rows(file, results, language);
  if (results.tally) add_tally(rows, *results.tally, language);
  add_turnout(rows, results.turnout);
  return file.take();
}

std::string results_as_json(const Results& results) {
  const Definition& definition = results.definition;
  const Json json{{"election_ID", definition.election},
                  {"event", definition.event},
                  {"title", definition.title},
                  {"fingerprint", results.short_fingerprint},
                  {"marking", markings(results)},
                  {"status", status_text(results.phase)},
                  {"as_of", utc_text(results.as_of_utc_ms)},
                  {"last_event", {{"sequence", results.sequence}, {"hash", to_hex(results.last)}}},
                  {"result", results.tally ? tally_as_json(*results.tally) : Json()},
                  {"turnout", turnout_as_json(results.turnout)}};
  return json.dump(2) + "\n";
}

std::string results_as_table(const Results& results, const std::string& language) {
  const Definition& definition = results.definition;
  const std::string marking = joined_markings(results, " ");
  return fmt::format(
      "{}{}\nElection {}, definition {}, {}, as of {}\n\n{}\n\n{}{}",
      marking.empty() ? "" : marking + ": ", printable(text_in(definition.title, language)),
      definition.election, results.short_fingerprint, status_text(results.phase),
      utc_text(results.as_of_utc_ms), printable(headline(results, language)),
      results.tally ? table_rows(*results.tally, language) : "", turnout_line(results.turnout));
}

std::string export_results(const Results& results, ResultsFormat format,
                           const std::string& language) {
  switch (format) {
    case ResultsFormat::kTable:
      return results_as_table(results, language);
    case ResultsFormat::kCsv:
      return results_as_csv(results, language);
    case ResultsFormat::kJson:
      return results_as_json(results);
    case ResultsFormat::kCdf:
      return results_as_cdf(results);
  }
  return "";
}

std::string results_file_name(const Results& results, ResultsFormat format) {
  constexpr std::array<std::string_view, 4> kEndings{"txt", "csv", "json", "cdf.json"};
  const std::string marking = joined_markings(results, "-");
  return fmt::format("{}election-{}-results.{}", marking.empty() ? "" : marking + "-",
                     results.definition.election, kEndings[static_cast<std::size_t>(format)]);
}

}  // namespace pollbus
