// Elections that are held with election-office, with real services.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <regex>

#include "base/files.h"
#include "election/csv_reader.h"
#include "election/vote.h"
#include "integration/election_fixture.h"
#include "integration/office_tool.h"

namespace pollbus::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::int64_t kElection = 12;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

class ElectionOfficeTest : public ElectionTest {
 protected:
  void SetUp() override {
    tool_.emplace(folder(), Environment{});
    const auto keygen = tool_->run("election-office keygen --office office");
    ASSERT_EQ(keygen.exit_code, 0) << keygen.output;
    write("keygen.txt", keygen.output);
    std::string key = *read_whole_file(folder() / "office" / "office.pub");
    key.pop_back();
    system_ = &begin({.environment = {{"OFFICE_PUBLIC_KEY", key}}});
    for (const auto& [variable, value] : system_->broker.environment()) tool_->set(variable, value);
    for (std::int64_t machine = 1; machine <= 3; ++machine) {
      machines_.push_back(
          std::make_unique<BusMachine>(system_->bus(), system_->topic(), kElection, machine));
    }
  }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder() / name) << content;
  }

  // Runs a command that must succeed.
  std::string run(const std::string& command) const {
    const auto run = tool_->run(command);
    EXPECT_EQ(run.exit_code, 0) << command << "\n" << run.output;
    return run.output;
  }

  // The codes of the mailing list, by voter.
  std::map<std::int64_t, std::string> codes_in(const std::string& file) const {
    std::map<std::int64_t, std::string> codes;
    CsvReader reader([&](const CsvRecord& record) {
      if (record.fields.front() == "voter_ID") return;
      codes[std::stoll(record.fields.front())] = record.fields.back();
    });
    reader.read(*read_whole_file(folder() / file));
    reader.finish();
    return codes;
  }

  // Casts the votes of these voters with all machines and expects that all are accepted. The choice
  // is the voter number modulo 2.
  void vote(std::int64_t first, std::int64_t last,
            const std::map<std::int64_t, std::string>& codes) {
    std::vector<std::vector<SubmittedVote>> votes(machines_.size());
    for (std::int64_t voter = first; voter <= last; ++voter) {
      const auto machine = static_cast<std::size_t>(voter) % machines_.size();
      SubmittedVote vote = machines_[machine]->draw(voter, voter % 2);
      if (codes.contains(voter)) vote.code = codes.at(voter);
      votes[machine].push_back(std::move(vote));
    }
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      EXPECT_TRUE(machines_[i]->cast(votes[i]).ok());
      EXPECT_TRUE(machines_[i]->resolve_all(60s));
    }
  }

  std::int64_t accepted() const {
    std::int64_t count = 0;
    for (const auto& machine : machines_) {
      for (const auto& [uuid, account] : machine->accounts()) {
        const auto answers = machine->answers(uuid, 1);
        count += !answers.empty() && answers.front().outcome == Outcome::kSuccessful ? 1 : 0;
      }
    }
    return count;
  }

  // The reason for which a vote of this voter is rejected; empty if it is not.
  std::string rejection(std::int64_t voter, const std::string& code) {
    SubmittedVote vote = machines_[0]->draw(voter, 0);
    if (!code.empty()) vote.code = code;
    EXPECT_TRUE(machines_[0]->cast(vote).ok());
    const auto answers = machines_[0]->answers(vote.uuid, 1);
    return answers.empty() ? "no answer" : answers.front().reason;
  }

  std::optional<OfficeTool> tool_;
  ElectionSystem* system_ = nullptr;
  std::vector<std::unique_ptr<BusMachine>> machines_;
};

// --- The handbook ------------------------------------------------------------------------------

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

TEST_F(ElectionOfficeTest, TheHandbookHoldsWordForWord) {
  // The handbook's election must not be over when this test runs in later years.
  const auto later = [](const std::string& text) { return replaced(text, "2026-12", "2099-12"); };
  std::string voters = "voter_ID,name\n";
  for (int voter = 1; voter <= 10'000; ++voter)
    voters += fmt::format("{},Voter {}\n", voter, voter);
  write("voters.csv", voters);

  std::map<std::int64_t, std::string> codes;
  const std::map<std::string, std::function<void()>> afterwards = {
      {"election-office open",
       [&] {
         codes = codes_in("mailing-list.csv");
         EXPECT_EQ(codes.size(), 10'000);
         vote(1, 1'204, codes);
         EXPECT_EQ(rejection(9'000, codes[9'001]), kReasonWrongCode);
         EXPECT_EQ(rejection(10'001, codes[9'001]), kReasonNotOnRoll);
       }},
      {"election-office pause", [&] { EXPECT_EQ(rejection(9'000, codes[9'000]), kReasonPaused); }},
      {"election-office resume", [&] { vote(1'205, 5'000, codes); }},
      {"election-office close", [&] { EXPECT_EQ(rejection(9'000, codes[9'000]), kReasonClosed); }},
  };

  const auto blocks = handbook();
  std::string output;
  std::string last_kind;
  for (Block block : blocks) {
    for (std::string& line : block.lines) line = later(line);
    if (block.kind == "json")
      write("ward4.json", fmt::format("{}\n", fmt::join(block.lines, "\n")));
    if (block.kind == "sh") {
      output.clear();
      for (const std::string& command : block.lines) {
        if (command.starts_with("election-office keygen")) {  // done before the services started
          output += *read_whole_file(folder() / "keygen.txt");
          continue;
        }
        output += run(command);
        if (const auto found = afterwards.find(command); found != afterwards.end()) found->second();
      }
    }
    if (block.kind.empty() && last_kind == "sh") expect_shown(block, output);
    last_kind = block.kind;
  }

  EXPECT_EQ(accepted(), 5'000);
  const std::string csv = *read_whole_file(folder() / "election-12-results.csv");
  EXPECT_THAT(csv, HasSubstr("2500"));
  EXPECT_EQ(system_->postgres.query("SELECT count(*) FROM votes WHERE electionid = 12")[0][0],
            "5000");
}

TEST_F(ElectionOfficeTest, AToolThatIsKilledAtAnyMomentIsRunAgainAndGoesOn) {
  write("ward4.json", R"({"election_ID":12,"event":"City","title":{"en":"Ward 4"},
    "choices":[{"voting":0,"name":{"en":"Ada"}},{"voting":1,"name":{"en":"Alan"}}],
    "eligibility":"roll"})");
  std::string voters = "voter_ID\n";
  for (int voter = 1; voter <= 20'000; ++voter) voters += fmt::format("{}\n", voter);
  write("voters.csv", voters);
  const std::vector<std::string> commands = {"election-office define ward4.json",
                                             "election-office roll import voters.csv",
                                             "election-office open",
                                             "election-office pause",
                                             "election-office resume",
                                             "election-office close",
                                             "election-office seal",
                                             "election-office certify"};
  std::int64_t sequence = 0;
  for (const std::string& command : commands) {
    for (const auto after : {20ms, 60ms, 120ms}) tool_->run_and_kill(command, after);
    run(command);
    run(command);
    ++sequence;
    if (command == "election-office open") vote(1, 300, {});
    const std::string status = run("election-office status --json");
    EXPECT_THAT(status, HasSubstr(fmt::format("\"sequence\": {}", sequence)));
    EXPECT_THAT(status, HasSubstr(fmt::format("\"logger_sequence\": {}", sequence)));
  }
  EXPECT_THAT(run("election-office results"), HasSubstr("150"));
}

TEST_F(ElectionOfficeTest, CommandsOfAnotherOfficeChangeNothing) {
  write("ward4.json", R"({"election_ID":12,"event":"City","title":{"en":"Ward 4"},
    "choices":[{"voting":0,"name":{"en":"Ada"}},{"voting":1,"name":{"en":"Alan"}}],
    "eligibility":"open"})");
  run("election-office define ward4.json");
  run("election-office keygen --office other");
  const auto foreign =
      tool_->run("election-office open --office other --election 12 --timeout-s 3");
  EXPECT_EQ(foreign.exit_code, 3) << foreign.output;
  EXPECT_THAT(foreign.output, HasSubstr("OFFICE_PUBLIC_KEY"));
  EXPECT_THAT(run("election-office status"), HasSubstr("Election 12 is defined"));
  EXPECT_EQ(rejection(1, ""), kReasonNotOpen);
}

}  // namespace
}  // namespace pollbus::testing
