// Votes, voters, keys and passwords appear only where they must.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "election/messages.h"
#include "election/wire.h"
#include "integration/election_fixture.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

// Voters and choices that do not occur within any other number.
constexpr std::int64_t kFirstVoter = 777'000'777'001;
constexpr std::int64_t kFirstChoice = 1'888'777'000;
constexpr int kVotes = 40;
const std::string kVoterDigits = "777000777";
const std::string kChoiceDigits = "1888777";

class SecrecyTest : public ElectionTest {
 protected:
  static std::vector<SubmittedVote> draw_votes(const BusMachine& machine) {
    std::vector<SubmittedVote> votes;
    for (int i = 0; i < kVotes; ++i)
      votes.push_back(machine.draw(kFirstVoter + i, kFirstChoice + i));
    return votes;
  }

  // Casts votes, second votes and invalid votes while every server fails for a while.
  void vote_with_troubles(ElectionSystem& system, BusMachine& machine) {
    const auto votes = draw_votes(machine);
    const auto second_votes = draw_votes(machine);
    const auto broken = draw_votes(machine);
    const auto bad = wire::encode(broken[0]) + wire::encode(broken[1]);
    for (const auto function : {wire::kSubmitVote, wire::kRecordVote}) {
      EXPECT_EQ(machine.publish({bad, {{"function", std::string(function)}}}), absl::OkStatus());
    }
    EXPECT_EQ(machine.cast(votes), absl::OkStatus());
    EXPECT_TRUE(machine.resolve_all(60s));
    system.redis.kill();
    system.postgres.stop();
    EXPECT_EQ(machine.cast(second_votes), absl::OkStatus());
    for (const VotingService* service : system.services()) {
      EXPECT_TRUE(eventually(30s, [&] { return !service->is_ready(); })) << service->name();
    }
    system.redis.start();
    system.postgres.start();
    EXPECT_TRUE(machine.resolve_all(60s));
  }

  void expect_secrecy(ElectionSystem& system) {
    std::map<std::string, std::string> texts = logs_in(folder());
    // PostgreSQL may know choices, but it has no reason to log them.
    for (const VotingService* service : system.services()) {
      texts[service->name() + "/metrics"] = service->metrics();
    }
    std::vector<std::string> words = system.secrets();
    words.push_back(kVoterDigits);
    words.push_back(kChoiceDigits);
    expect_nowhere(words, texts);
  }
};

TEST_F(SecrecyTest, NoLogAndNoMetricContainsAVoteAVoterOrASecret) {
  ElectionSystem& system = begin();
  const auto machine = system.bus_machine(3);
  vote_with_troubles(system, *machine);
  expect_secrecy(system);
  expect_invariants(system, machine->accounts());
}

TEST_F(SecrecyTest, NoDebugLogInJsonContainsAVoteAVoterOrASecret) {
  ElectionSystem& system = begin({.environment = {{"DEBUG", "1"}, {"LOG_FORMAT", "json"}}});
  const auto machine = system.bus_machine(3);
  vote_with_troubles(system, *machine);
  expect_secrecy(system);
  expect_invariants(system, machine->accounts());
}

TEST_F(SecrecyTest, RedisKnowsNoChoiceAndPostgresNoVoter) {
  ElectionSystem& system = begin();
  const auto machine = system.bus_machine(3);
  EXPECT_EQ(machine->cast(draw_votes(*machine)), absl::OkStatus());
  EXPECT_TRUE(machine->resolve_all(60s));
  for (const auto& [voter, mark] : system.marks()) EXPECT_EQ(mark.size(), 16u);
  for (const std::string& key : system.redis.keys("*")) {
    EXPECT_EQ(key.find(kChoiceDigits), std::string::npos);
    EXPECT_THAT(key, ::testing::StartsWith("voted:"));
    // Redis keeps no time with the mark and no expiry.
    EXPECT_EQ(system.redis.command({"TTL", key}), std::vector<std::string>{"-1"});
  }
  std::string all;
  for (const auto* table : {"votes", "receipts", "schema_migrations"}) {
    for (const auto& row : system.postgres.query(fmt::format("SELECT t::text FROM {} t", table))) {
      all += row[0] + "\n";
    }
  }
  EXPECT_EQ(all.find(kVoterDigits), all.npos);
  for (const auto& [uuid, account] : machine->accounts()) EXPECT_EQ(all.find(uuid), all.npos);
}

TEST_F(SecrecyTest, NoRecordMessageHasAVoterOrATimeAndNoUuidIdentifiesAMachine) {
  ElectionSystem& system = begin();
  const Witness witness(system.bus(), system.topic());
  system.launch_machine({.machine = 1, .votes = 200, .voters = 1'000'000})->finish();
  ASSERT_TRUE(eventually(20s, [&] { return witness.messages(wire::kRecordVote).size() >= 195; }));
  for (const Message& message : witness.messages(wire::kRecordVote)) {
    EXPECT_EQ(message.data.find("voter"), message.data.npos);
    EXPECT_EQ(message.data.find("timestamp"), message.data.npos);
    EXPECT_EQ(message.attributes.size(), 1u);
  }
  for (const auto& [uuid, account] : witness.accounts()) EXPECT_EQ(uuid[14], '4') << uuid;
  for (const auto& row : system.postgres.query("SELECT id FROM votes")) {
    EXPECT_EQ(row[0][14], '4') << row[0];
    EXPECT_FALSE(witness.accounts().contains(row[0]));
  }
}

TEST_F(SecrecyTest, AMachinesJournalContainsNoAnsweredVote) {
  ElectionSystem& system = begin();
  const auto machine = system.launch_machine({.machine = 1, .votes = 50});
  EXPECT_EQ(machine->finish().pending, 0);
  std::stringstream journal;
  journal << std::ifstream(folder() / "voting-machine-1.journal").rdbuf();
  EXPECT_EQ(journal.str().find("voter_ID"), std::string::npos);
}

}  // namespace
}  // namespace pollbus::testing
