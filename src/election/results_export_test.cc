#include "election/results_export.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "election/results_fixture.h"

namespace pollbus {
namespace {

constexpr ResultsFormat kAllFormats[] = {ResultsFormat::kTable, ResultsFormat::kCsv,
                                         ResultsFormat::kJson, ResultsFormat::kCdf};

// Reads a CSV file exactly as RFC 4180 defines it; fails on anything else.
std::vector<std::vector<std::string>> parse_csv(const std::string& bytes) {
  std::vector<std::vector<std::string>> rows(1);
  std::string cell;
  bool is_quoted = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (is_quoted) {
      if (c != '"') {
        cell += c;
      } else if (i + 1 < bytes.size() && bytes[i + 1] == '"') {
        cell += bytes[++i];
      } else {
        is_quoted = false;
      }
    } else if (c == '"') {
      EXPECT_EQ(cell, "") << "a quote inside a cell without quotes";
      is_quoted = true;
    } else if (c == ',') {
      rows.back().push_back(std::exchange(cell, ""));
    } else if (c == '\r') {
      EXPECT_EQ(bytes.at(i + 1), '\n');
      ++i;
      rows.back().push_back(std::exchange(cell, ""));
      rows.emplace_back();
    } else {
      EXPECT_NE(c, '\n') << "a line feed without a carriage return";
      cell += c;
    }
  }
  EXPECT_FALSE(is_quoted);
  EXPECT_TRUE(rows.back().empty()) << "the last row has no line end";
  rows.pop_back();
  return rows;
}

TEST(Csv, NamesWithQuotesCommasLineBreaksAndTabsSurviveARoundTrip) {
  const std::vector<std::string> names{
      "Ada \"the first\" Lovelace", "Turing, Alan", "two\nlines", "a\tb",
      "carriage\r\nreturn",         " blanks ",     "\"",         ","};
  const Results results =
      make_results(with_votes(closed_election(names), {1, 2, 3, 4, 5, 6, 7, 8}));
  const auto rows = parse_csv(results_as_csv(results, "en"));
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(rows[i + 1][8], names[i]);
    EXPECT_EQ(rows[i + 1][9], std::to_string(i + 1));
  }
}

TEST(Csv, ACellThatASpreadsheetWouldTakeForAFormulaIsHarmless) {
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("+41"), "'+41");
  EXPECT_EQ(csv_cell("-1"), "'-1");
  EXPECT_EQ(csv_cell("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(csv_cell("\t=1"), "'\t=1");
  EXPECT_EQ(csv_cell("\r=1"), "\"'\r=1\"");
  EXPECT_EQ(csv_cell(" =1"), "' =1");
  EXPECT_EQ(csv_cell("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
  EXPECT_EQ(csv_cell("\uFF1D1"), "'\uFF1D1");
  EXPECT_EQ(csv_cell("Ada-Marie = Lovelace"), "Ada-Marie = Lovelace");
}

TEST(Csv, EveryRowHasTheSameColumnsAndTheFileHasNoByteOrderMark) {
  ResultsInput input = with_votes(closed_election({"A", "B"}), {2, 0});
  input.roll = 10;
  const std::string bytes = results_as_csv(make_results(input), "en");
  EXPECT_TRUE(bytes.starts_with("Election ID,"));
  const auto rows = parse_csv(bytes);
  ASSERT_EQ(rows.size(), 9U);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
}

TEST(Csv, ZeroVotesAreTheNumberZeroAndNotAnEmptyCell) {
  const auto rows = parse_csv(results_as_csv(results_of({0, 0}), "en"));
  EXPECT_EQ(rows[1][9], "0");
  EXPECT_EQ(rows[1][10], "0.0");
  EXPECT_EQ(rows[1][12], "");  // no place
}

TEST(Csv, ATieIsCalledATieInItsRows) {
  const auto rows = parse_csv(results_as_csv(results_of({4, 4, 1}), "en"));
  EXPECT_EQ(rows[1][12] + rows[1][13], "1tie");
  EXPECT_EQ(rows[2][12] + rows[2][13], "1tie");
  EXPECT_EQ(rows[3][12] + rows[3][13], "3");
}

TEST(Csv, BlankAndRejectedVotesAndTurnoutHaveRowsOfTheirOwn) {
  ResultsInput input = with_votes(closed_election({"A"}), {3});
  (*input.votes_by_choice)[7] = 2;
  input.roll = 10;
  const std::string bytes = results_as_csv(make_results(input), "en");
  EXPECT_NE(bytes.find(",valid votes,,,3,"), std::string::npos);
  EXPECT_NE(bytes.find(",blank votes,,,0,"), std::string::npos);
  EXPECT_NE(bytes.find(",rejected votes,,,2,"), std::string::npos);
  EXPECT_NE(bytes.find(",turnout,,,3,30.0,voters on the roll,"), std::string::npos);
  EXPECT_NE(bytes.find(",voters on the roll,,,10,"), std::string::npos);
  EXPECT_NE(bytes.find(",machine,3,,3,"), std::string::npos);
}

TEST(Csv, NamesAreInTheWantedLanguageOrInEnglish) {
  const auto rows = parse_csv(results_as_csv(results_of({1}), "fr-CA"));
  EXPECT_EQ(rows[1][1], "Quartier 4");
  EXPECT_EQ(rows[1][8], "A");
}

TEST(Exports, TheSameResultsGiveTheSameBytes) {
  for (const ResultsFormat format : kAllFormats)
    EXPECT_EQ(export_results(results_of({1, 2}), format, "en"),
              export_results(results_of({1, 2}), format, "en"));
}

TEST(Exports, BodyAndFileNameSayThatAResultIsUnofficialOrATest) {
  Results results = results_of({1, 2});
  results.definition.is_test = true;
  for (const ResultsFormat format : kAllFormats) {
    const std::string bytes = export_results(results, format, "en");
    EXPECT_NE(bytes.find("UNOFFICIAL"), std::string::npos) << bytes;
    EXPECT_NE(bytes.find("TEST"), std::string::npos) << bytes;
  }
  EXPECT_EQ(results_file_name(results, ResultsFormat::kCsv),
            "TEST-UNOFFICIAL-election-12-results.csv");
  EXPECT_EQ(results_file_name(results, ResultsFormat::kCdf),
            "TEST-UNOFFICIAL-election-12-results.cdf.json");
}

TEST(Exports, ACertifiedResultHasNoMarking) {
  Results results = results_of({1, 2});
  results.phase = Phase::kCertified;
  EXPECT_EQ(results_file_name(results, ResultsFormat::kJson), "election-12-results.json");
  for (const ResultsFormat format : kAllFormats)
    EXPECT_EQ(export_results(results, format, "en").find("UNOFFICIAL"), std::string::npos);
  EXPECT_NE(results_as_csv(results, "en").find(",OFFICIAL,certified,"), std::string::npos);
}

TEST(Exports, NoFormatHoldsAnythingButTurnoutBeforeTheClose) {
  // Votes that differ between choices but not in their sum must not change a byte.
  ResultsInput input = with_votes(closed_election({"A", "B"}), {30, 12});
  input.phase = Phase::kOpen;
  ResultsInput other = with_votes(input, {1, 41});
  for (const ResultsFormat format : kAllFormats) {
    const std::string bytes = export_results(make_results(input), format, "en");
    EXPECT_EQ(bytes, export_results(make_results(other), format, "en"));
    EXPECT_NE(bytes.find("42"), std::string::npos);
  }
}

TEST(Exports, JsonHoldsEveryFigureOfTheResult) {
  ResultsInput input = with_votes(closed_election({"A", "B"}), {2, 1});
  input.roll = 12;
  const auto json = nlohmann::json::parse(results_as_json(make_results(input)));
  EXPECT_EQ(json["election_ID"], 12);
  EXPECT_EQ(json["title"]["fr"], "Quartier 4");
  EXPECT_EQ(json["status"], "closed, not final");
  EXPECT_EQ(json["as_of"], "2026-12-02T01:01:00Z");
  EXPECT_EQ(json["last_event"]["hash"], to_hex(sha256("event 4")));
  EXPECT_EQ(json["result"]["percent_of"], "valid votes");
  EXPECT_EQ(json["result"]["choices"][0]["percent"], 66.7);
  EXPECT_EQ(json["result"]["choices"][0]["place"], 1);
  EXPECT_EQ(json["result"]["tie_for_first_place"], false);
  EXPECT_EQ(json["turnout"]["voted"], 3);
  EXPECT_EQ(json["turnout"]["percent"], 25.0);
  EXPECT_EQ(json["turnout"]["by_machine"][0]["machine_ID"], 3);
}

TEST(Exports, JsonOfNoVotesHasNoPlaceAndNoNaN) {
  const auto json = nlohmann::json::parse(results_as_json(results_of({0, 0})));
  EXPECT_TRUE(json["result"]["choices"][0]["place"].is_null());
  EXPECT_EQ(json["result"]["choices"][0]["percent"], 0.0);
  EXPECT_TRUE(json["turnout"]["percent"].is_null());
}

TEST(Table, SortsByVotesAndSaysWhatThePercentagesAreOf) {
  ResultsInput input = with_votes(closed_election({"Ada", "Alan", "Grace"}), {1'000, 2'000, 1'000});
  input.roll = 5'000;
  EXPECT_EQ(results_as_table(make_results(input), "en"),
            "UNOFFICIAL: Ward 4\n"
            "Election 12, definition " +
                short_fingerprint(sha256("{}")) +
                ", closed, not final, as of 2026-12-02T01:01:00Z\n\n"
                "Most votes: Alan (2,000 of 4,000 valid votes)\n\n"
                "Place            Votes   Percent  Choice\n"
                "    1            2,000    50.0 %  Alan\n"
                "    2            1,000    25.0 %  Ada (tie)\n"
                "    2            1,000    25.0 %  Grace (tie)\n"
                "                 4,000            valid votes\n"
                "                     0            blank votes\n"
                "                     0            rejected votes\n"
                "Percentages are of the valid votes, rounded so that they add up to 100.0 %.\n"
                "Turnout: 4,000 of 5,000 voters on the roll (80.0 %)\n");
}

TEST(Table, ANameCannotSendControlCharactersToTheTerminal) {
  const Results results = make_results(with_votes(closed_election({"A\x1b[2J"}), {1}));
  EXPECT_EQ(results_as_table(results, "en").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace pollbus
