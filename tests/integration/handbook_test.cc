// The handbook of the election office (docs/elections.md), line by line, with real services.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <regex>

#include "integration/office_fixture.h"

namespace pollbus::testing {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

struct Block {
  std::string kind;  // "sh", "json", "text" or nothing
  std::vector<std::string> lines;
};

// The blocks of code before the part on formats.
std::vector<Block> handbook() {
  std::ifstream document(POLLBUS_DOCS "/elections.md");
  std::vector<Block> blocks;
  bool is_inside = false;
  for (std::string line; std::getline(document, line) && line != "## Format of the definition";) {
    if (line.starts_with("```")) {
      is_inside = !is_inside;
      if (is_inside) blocks.push_back({.kind = line.substr(3)});
    } else if (is_inside) {
      blocks.back().lines.push_back(line);
    }
  }
  return blocks;
}

// Whether the line is as the handbook shows it, in which "…" stands for anything.
bool is_as_shown(const std::string& shown, const std::string& line) {
  static const std::regex kSpecial(R"([.^$|()\[\]{}*+?\\])");
  const std::string escaped = std::regex_replace(shown, kSpecial, R"(\$&)");
  return std::regex_match(line, std::regex(replaced(escaped, "…", ".*")));
}

// Expects the lines of the handbook in the output, in their order.
void expect_shown(const Block& block, const std::string& output) {
  std::istringstream lines(output);
  for (const std::string& shown : block.lines) {
    bool is_found = false;
    for (std::string line; !is_found && std::getline(lines, line);) {
      is_found = is_as_shown(shown, line);
    }
    EXPECT_TRUE(is_found) << "the handbook shows: " << shown << "\nthe output is:\n" << output;
    if (!is_found) return;
  }
}

// The number that stands behind `label` in the text of an export.
std::int64_t number_behind(const std::string& text, const std::string& label) {
  std::smatch found;
  const std::regex pattern(label + "[^0-9]*([0-9]+)");
  return std::regex_search(text, found, pattern) ? std::stoll(found[1].str()) : -1;
}

TEST_F(ElectionOfficeTest, TheHandbookHoldsWordForWord) {
  // The handbook's election must not be over when this test runs in later years.
  const auto later = [](const std::string& text) { return replaced(text, "2026-12", "2099-12"); };
  std::string voters = "voter_ID,name\n";
  for (int voter = 1; voter <= 10'000; ++voter)
    voters += fmt::format("{},Voter {}\n", voter, voter);
  write("voters.csv", voters);

  constexpr std::int64_t kLibrary = 13;
  std::map<std::int64_t, std::string> codes;
  const auto vote_in_both = [&](std::int64_t first, std::int64_t last) {
    for (const std::int64_t election : {kElection, kLibrary}) vote(first, last, codes, election);
  };
  const std::map<std::string, std::function<void()>> afterwards = {
      {"open",
       [&] {
         codes = codes_in("mailing-list.csv");
         EXPECT_EQ(codes.size(), 10'000);
         vote_in_both(1, 1'204);
         EXPECT_EQ(rejection(9'000, codes[9'001]), kReasonWrongCode);
         EXPECT_EQ(rejection(10'001, codes[9'001]), kReasonNotOnRoll);
       }},
      {"pause", [&] { EXPECT_EQ(rejection(9'000, codes[9'000]), kReasonPaused); }},
      {"resume", [&] { vote_in_both(1'205, 5'000); }},
      {"close", [&] { EXPECT_EQ(rejection(9'000, codes[9'000]), kReasonClosed); }},
  };

  std::vector<std::string> definitions = {"library.json", "ward4.json"};
  std::string output;
  std::string last_kind;
  for (Block block : handbook()) {
    for (std::string& line : block.lines) line = later(line);
    if (block.kind == "json") {
      ASSERT_FALSE(definitions.empty());
      write(definitions.back(), fmt::format("{}\n", fmt::join(block.lines, "\n")));
      definitions.pop_back();
    }
    if (block.kind == "sh") {
      output.clear();
      for (const std::string& command : block.lines) {
        if (command.starts_with("election-office keygen")) {  // done before the services started
          output += *read_whole_file(folder() / "keygen.txt");
          continue;
        }
        write("line.sh", command);
        output += run("sh line.sh");
        for (const auto& [word, work] : afterwards)
          if (command == fmt::format("election-office {} --event \"City 2026\"", word)) work();
      }
    }
    if (block.kind.empty() && last_kind == "sh") expect_shown(block, output);
    last_kind = block.kind;
  }

  EXPECT_EQ(accepted(), 10'000);
  for (const std::int64_t election : {kElection, kLibrary}) {
    const std::string csv =
        *read_whole_file(folder() / fmt::format("election-{}-results.csv", election));
    const std::string signature =
        *read_whole_file(folder() / fmt::format("election-{}-results.csv.sig", election));
    EXPECT_TRUE(office_key().public_key().verifies(csv, signature.substr(0, signature.size() - 1)));
    const std::string rows = fmt::format("WHERE electionid = {}", election);
    for (const int choice : {0, 1}) {
      EXPECT_EQ(system_->postgres.query(
                    fmt::format("SELECT count(*) FROM votes {} AND voting = {}", rows, choice)),
                (std::vector<PostgresServer::Row>{{"2500"}}));
    }
    const auto exported = [&](const char* format) {
      return run(
          fmt::format("election-office results --election {} --format {}", election, format));
    };
    EXPECT_EQ(exported("csv"), csv);
    const std::string json = exported("json");
    EXPECT_EQ(number_behind(json, "\"voted\":"), 5'000) << json;
    EXPECT_EQ(number_behind(json, "\"roll\":"), 10'000) << json;
    const std::string cdf = exported("cdf");
    EXPECT_EQ(number_behind(cdf, "\"BallotsCast\":"), 5'000) << cdf;
    EXPECT_EQ(number_behind(cdf, "\"Count\":"), 2'500) << cdf;
  }
  EXPECT_EQ(system_->postgres.query("SELECT count(*) FROM votes WHERE electionid = 912")[0][0],
            "1500");
}

}  // namespace
}  // namespace pollbus::testing
