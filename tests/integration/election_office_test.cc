// Elections that are held with election-office, with real services.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <regex>

#include "base/files.h"
#include "election/csv_reader.h"
#include "election/office_messages.h"
#include "election/signature.h"
#include "election/vote.h"
#include "integration/election_fixture.h"
#include "integration/office_tool.h"
#include "integration/witness.h"
#include "support/eventually.h"
#include "support/http_get.h"

namespace pollbus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
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
  virtual int loggers() const { return 1; }

  void SetUp() override {
    tool_.emplace(folder(), Environment{});
    const auto keygen = tool_->run("election-office keygen --office office");
    ASSERT_EQ(keygen.exit_code, 0) << keygen.output;
    write("keygen.txt", keygen.output);
    std::string key = *read_whole_file(folder() / "office" / "office.pub");
    key.pop_back();
    system_ = &begin({.loggers = loggers(), .environment = {{"OFFICE_PUBLIC_KEY", key}}});
    for (const auto& [variable, value] : system_->broker.environment()) tool_->set(variable, value);
    tool_->set("OFFICE_PUBLIC_KEY", key);
    for (const std::int64_t machine : {11, 12, 13}) {  // others than the handbook has
      machines_.push_back(
          std::make_unique<BusMachine>(system_->bus(), system_->topic(), kElection, machine));
    }
  }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder() / name) << content;
  }

  OfficePrivateKey office_key() const {
    const std::string text = *read_whole_file(folder() / "office" / "office.key");
    return OfficePrivateKey::parse(text.substr(0, text.find('\n'))).value();
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
  void vote(std::int64_t first, std::int64_t last, const std::map<std::int64_t, std::string>& codes,
            std::int64_t election = kElection) {
    std::vector<std::vector<SubmittedVote>> votes(machines_.size());
    for (std::int64_t voter = first; voter <= last; ++voter) {
      const auto machine = static_cast<std::size_t>(voter) % machines_.size();
      SubmittedVote vote = machines_[machine]->draw(voter, voter % 2);
      vote.election = election;
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

TEST_F(ElectionOfficeTest, AToolThatIsInterruptedLeavesNoSubscriptionBehind) {
  const auto has_subscription = [&] {
    const auto page = http_get(system_->broker.http_port(), "/metrics");
    return page && page->body.find("subscriptions/election-office-") != std::string::npos;
  };
  const auto watching = tool_->start("election-office status --watch");
  ASSERT_TRUE(eventually(20s, has_subscription));
  watching->signal(SIGINT);
  EXPECT_EQ(watching->wait(20s), 0);
  EXPECT_FALSE(has_subscription());
}

// The texts of all rows of PostgreSQL, by table.
std::map<std::string, std::string> rows_of(const PostgresServer& postgres) {
  std::map<std::string, std::string> texts;
  for (const auto& table :
       postgres.query("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = "
                      "'public'::regnamespace")) {
    for (const auto& row : postgres.query(fmt::format("SELECT t::text FROM {} t", table[0])))
      texts["PostgreSQL, " + table[0]] += row[0] + "\n";
  }
  return texts;
}

TEST_F(ElectionOfficeTest, TheNumbersOfVotersReachNeitherPostgresNorAnyLogOrExport) {
  // Found in a database or log, these digits can only be the voters' numbers.
  const std::string on_roll = "777000777001";
  const std::string added = "888000888002";
  write("ward4.json", R"({"election_ID":12,"event":"City","title":{"en":"Ward 4"},
    "choices":[{"voting":0,"name":{"en":"Ada"}},{"voting":1,"name":{"en":"Alan"}}],
    "eligibility":"codes"})");
  write("voters.csv", "voter_ID\n" + on_roll + "\n");
  run("election-office define ward4.json");
  run("election-office roll import voters.csv");
  run("election-office open");
  EXPECT_EQ(rejection(std::stoll(added), ""), kReasonNotOnRoll);
  const std::string output = run("election-office add-voter " + added);
  std::smatch code;
  ASSERT_TRUE(std::regex_search(output, code, std::regex("Code of voter [0-9]+: (\\S+)")));
  vote(std::stoll(added), std::stoll(added), {{std::stoll(added), code[1].str()}});

  std::map<std::string, std::string> texts;
  texts["history"] = run("election-office history");
  texts["status"] = run("election-office status --json");
  for (const char* command : {"close", "seal", "certify"})
    run(fmt::format("election-office {}", command));
  for (const char* format : {"table", "csv", "json", "cdf"})
    texts[format] = run(fmt::format("election-office results --format {}", format));
  EXPECT_THAT(texts["csv"], HasSubstr("Ada"));
  texts.merge(rows_of(system_->postgres));
  EXPECT_THAT(texts["PostgreSQL, events"], HasSubstr("commitment"));
  for (const VotingService* service : system_->services())
    texts[service->name() + "/metrics"] = service->metrics();
  std::filesystem::remove(folder() / "office-output.log");  // what the official has typed
  texts.merge(logs_in(folder()));
  expect_nowhere({on_roll, added}, texts);
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

// --- What closes, closes -----------------------------------------------------------------------

class ElectionLifeTest : public ElectionOfficeTest {
 protected:
  int loggers() const override { return 2; }

  void open_for_everyone() {
    write("ward4.json", R"({"election_ID":12,"event":"City","title":{"en":"Ward 4"},
      "choices":[{"voting":0,"name":{"en":"Ada"}},{"voting":1,"name":{"en":"Alan"}}],
      "eligibility":"open"})");
    run("election-office define ward4.json");
    run("election-office open");
  }

  // Casts a vote for each of these voters at one machine.
  std::vector<SubmittedVote> cast(std::int64_t first, std::int64_t last) {
    std::vector<SubmittedVote> votes;
    for (std::int64_t voter = first; voter <= last; ++voter)
      votes.push_back(machines_[0]->draw(voter, voter % 2));
    EXPECT_TRUE(machines_[0]->cast(votes).ok());
    return votes;
  }

  int successful(const std::vector<SubmittedVote>& votes) const {
    int count = 0;
    for (const SubmittedVote& vote : votes) {
      const auto answers = machines_[0]->answers(vote.uuid, 1);
      count += !answers.empty() && answers.front().outcome == Outcome::kSuccessful ? 1 : 0;
    }
    return count;
  }
};

TEST_F(ElectionLifeTest, NoVoteCountsThatIsCastAfterTheCloseAlthoughALoggerWasStoppedBeforeIt) {
  open_for_everyone();
  const auto before = cast(1, 40);
  ASSERT_TRUE(machines_[0]->wait_for_all_answers(30s));
  ASSERT_EQ(successful(before), 40);

  // The stopped logger goes on receiving what is published for it, and marks nothing meanwhile.
  system_->loggers[0]->signal(SIGSTOP);
  const auto during = cast(41, 80);
  run("election-office close");
  const auto after = cast(81, 160);
  system_->loggers[0]->signal(SIGCONT);
  ASSERT_TRUE(machines_[0]->resolve_all(60s));

  for (const SubmittedVote& vote : after) {
    const auto answers = machines_[0]->answers(vote.uuid, 1);
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.front().outcome, Outcome::kRejected);
    EXPECT_EQ(answers.front().reason, kReasonClosed);
  }
  const int accepted = successful(before) + successful(during);
  EXPECT_GE(accepted, 40);
  EXPECT_THAT(run("election-office seal"),
              HasSubstr(fmt::format("sealed with {} votes", accepted)));
  run("election-office certify");
  EXPECT_EQ(system_->postgres.query("SELECT count(*) FROM votes WHERE electionid = 12")[0][0],
            std::to_string(accepted));
}

TEST_F(ElectionLifeTest, CommandsThatAreForgedReplayedOrOutOfOrderChangeNothing) {
  const Witness witness(system_->bus(), system_->topic());
  const Quarantine quarantine(system_->bus(), system_->topic());
  open_for_everyone();
  const auto expect_untouched = [&] {
    const std::string status = run("election-office status --json");
    EXPECT_THAT(status, HasSubstr("\"phase\": \"open\""));
    EXPECT_THAT(status, HasSubstr("\"sequence\": 2"));
    EXPECT_THAT(status, HasSubstr("\"logger_sequence\": 2"));
  };
  const std::string status = run("election-office status --json");
  std::smatch last;
  ASSERT_TRUE(std::regex_search(status, last, std::regex(R"("last": "([0-9a-f]{64}))"))) << status;
  const auto genuine = witness.messages(wire::kOfficeCommand);

  // Without the office's signature: a command that would close the election.
  const OfficePrivateKey office = office_key();
  const Event close{.election = 12,
                    .sequence = 3,
                    .previous = *parse_sha256(last[1].str()),
                    .time_ms = 1'709'908'090'000,
                    .kind = EventKind::kClose};
  const std::string data = encode(close);
  std::string other_digit = office.sign(data);
  other_digit[7] = other_digit[7] == '0' ? '1' : '0';
  std::size_t forged = 0;
  for (const std::string& signature :
       {std::string(), other_digit, OfficePrivateKey::generate().sign(data), office.sign("x")}) {
    for (const auto to : {wire::kToLogger, wire::kToRecorder}) {
      ++forged;
      const Message message = wire::office_command_message(data, to, "0a0b", signature);
      ASSERT_EQ(machines_[0]->publish(message), absl::OkStatus());
    }
  }
  EXPECT_TRUE(eventually(20s, [&] { return quarantine.notices().size() == forged; }));
  expect_untouched();

  // With its signature, but not the next event: a gap, another chain, an older number; and all that
  // it has commanded so far, once more and backwards.
  std::vector<Message> late;
  for (const auto& [sequence, previous] :
       {std::pair{5, close.previous}, {3, Sha256{1}}, {2, close.previous}}) {
    Event wrong = close;
    wrong.sequence = sequence;
    wrong.previous = previous;
    const std::string text = encode(wrong);
    for (const auto to : {wire::kToLogger, wire::kToRecorder})
      late.push_back(wire::office_command_message(text, to, "0a0b", office.sign(text)));
  }
  late.insert(late.end(), genuine.rbegin(), genuine.rend());
  const std::size_t answered = witness.count(wire::kOfficeAnswer);
  for (const Message& message : late) ASSERT_EQ(machines_[0]->publish(message), absl::OkStatus());
  EXPECT_TRUE(eventually(
      20s, [&] { return witness.count(wire::kOfficeAnswer) >= answered + late.size(); }));
  expect_untouched();
  EXPECT_EQ(rejection(1, ""), "");
  EXPECT_THAT(quarantine.notices(), SizeIs(forged));
  run("election-office close");
}

}  // namespace
}  // namespace pollbus::testing
