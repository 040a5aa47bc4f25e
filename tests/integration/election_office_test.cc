// The tool election-office, with real services.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <regex>

#include "integration/office_fixture.h"
#include "support/eventually.h"
#include "support/http_get.h"

namespace pollbus::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

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

}  // namespace
}  // namespace pollbus::testing
