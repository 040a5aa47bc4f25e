// The program voting-machine on a bus without loggers: what a person sees, and its journal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/broker_server.h"
#include "support/child_process.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"
#include "support/voting_service.h"

namespace pollbus::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr auto kSoon = 60s;
constexpr int kExitPending = 1;
constexpr int kExitError = 1;
constexpr int kExitNoId = 2;
constexpr int kExitOutputClosed = 3;

class VotingMachineTest : public ::testing::Test {
 protected:
  std::vector<std::string> flags(const std::vector<std::string>& more) const {
    std::vector<std::string> all{"--election", "12",        "--machine",
                                 "3",          "--journal", (folder / "machine.journal").string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  VotingService machine(const std::vector<std::string>& more) const {
    return {"voting-machine", "voting-machine", broker->environment(), folder.path(), flags(more)};
  }
  // Runs a line of bash in which $machine is the program with its flags. Returns the exit code.
  int bash(const std::string& line, const std::vector<std::string>& more = {}) {
    std::string command = "machine=(" POLLBUS_PROGRAMS "/voting-machine";
    for (const std::string& flag : flags(more)) command += " '" + flag + "'";
    ChildProcess shell({"bash", "-c", command + "); " + line}, broker->environment(), log);
    const auto code = shell.wait(kSoon);
    EXPECT_TRUE(code) << "still running; its output: " << output();
    return code.value_or(-1);
  }
  std::string output() const {
    std::ifstream file(log);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryFolder folder;
  const std::filesystem::path log = folder / "output.log";
  std::unique_ptr<BrokerServer> broker =
      std::make_unique<BrokerServer>(folder.path(), std::vector<std::string>{"--in-memory"});
};

TEST_F(VotingMachineTest, EndsWithACodeOfItsOwnWhenNobodyReadsItsOutput) {
  EXPECT_EQ(bash("\"${machine[@]}\" | true; exit ${PIPESTATUS[0]}"), kExitOutputClosed);
  EXPECT_THAT(output(), HasSubstr("nothing can be written to standard output"));
}

TEST_F(VotingMachineTest, SaysWhichIdIsMissingWhenStandardInputEnds) {
  const std::string program = POLLBUS_PROGRAMS "/voting-machine";
  EXPECT_EQ(bash(program + " < /dev/null"), kExitNoId);
  EXPECT_THAT(output(), HasSubstr("the election ID is missing"));
  EXPECT_EQ(bash("echo ' 12 ' | " + program), kExitNoId);
  EXPECT_THAT(output(), HasSubstr("the machine ID is missing"));
}

TEST_F(VotingMachineTest, ShowsVoterAndChoiceAtATerminalAndOtherwiseOnlyWhenAsked) {
  // Nobody answers the vote, but two seconds are enough to publish it.
  const std::vector<std::string> one_vote{"--votes", "1", "--patience-s", "2"};
  EXPECT_EQ(bash("\"${machine[@]}\"", one_vote), kExitPending);
  EXPECT_THAT(output(), AllOf(HasSubstr("The message {\"machine_ID\":3"), HasSubstr("is sent"),
                              Not(HasSubstr("voter_ID")), Not(HasSubstr("voting\":"))));
  EXPECT_EQ(bash("script -qec \"${machine[*]}\" /dev/null", one_vote), kExitPending);
  EXPECT_THAT(output(), HasSubstr("voter_ID"));
  std::filesystem::remove(log);
  EXPECT_EQ(bash("\"${machine[@]}\" --show-votes", one_vote), kExitPending);
  EXPECT_THAT(output(), HasSubstr("voter_ID"));
}

TEST_F(VotingMachineTest, TimesOutAfterTenSecondsCastsTheNextVoteAndEndsWhileTheBusHangs) {
  VotingService running = machine({"--rate", "1"});
  running.start();
  ASSERT_TRUE(
      eventually(kSoon, [&] { return running.log().find("is sent") != std::string::npos; }));
  broker->signal(SIGSTOP);
  EXPECT_TRUE(
      eventually(kSoon, [&] { return running.log().find("Time out") != std::string::npos; }));
  EXPECT_TRUE(eventually(
      kSoon, [&] { return running.metric("pollbus_votes_cast_total").value_or(0) >= 2; }));
  // A publish that the bus does not answer does not hold up the end either.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(running.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 6s);
  broker->signal(SIGCONT);
}

TEST_F(VotingMachineTest, AVoteOfARehearsalIsNotCastOnANewBusUnlessTheOperatorSaysSo) {
  EXPECT_EQ(bash("\"${machine[@]}\"", {"--votes", "1", "--patience-s", "0"}), kExitPending);
  broker->kill();
  broker->start();  // in memory: everything is gone, the subscriptions too
  const std::vector<std::string> nothing{"--votes", "0", "--patience-s", "0"};
  EXPECT_EQ(bash("\"${machine[@]}\"", nothing), kExitError);
  EXPECT_THAT(output(), AllOf(HasSubstr("has 1 unanswered vote that"),
                              HasSubstr("--leftover-votes discard")));
  EXPECT_EQ(bash("\"${machine[@]}\" --leftover-votes cast", nothing), kExitPending);
  broker->kill();
  broker->start();
  EXPECT_EQ(bash("\"${machine[@]}\" --leftover-votes discard", nothing), 0);
  EXPECT_EQ(bash("\"${machine[@]}\"", nothing), 0);
}

TEST_F(VotingMachineTest, AVoteIsKeptOverARestartOfABusThatKeepsItsData) {
  broker.reset();
  broker = std::make_unique<BrokerServer>(folder.path());
  EXPECT_EQ(bash("\"${machine[@]}\"", {"--votes", "1", "--patience-s", "0"}), kExitPending);
  broker->kill();
  broker->start();
  EXPECT_EQ(bash("\"${machine[@]}\"", {"--votes", "0", "--patience-s", "0"}), kExitPending);
  EXPECT_THAT(output(), HasSubstr("publishing them again"));
  EXPECT_THAT(output(), Not(HasSubstr("--leftover-votes")));
}

}  // namespace
}  // namespace pollbus::testing
