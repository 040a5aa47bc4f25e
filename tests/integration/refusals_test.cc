// A store that refuses one item for good: the item is rejected and all others go on. And the
// comparison of marks and rows.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "integration/election_fixture.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kNoticeDeadline = 20s;

class RefusalsTest : public ElectionTest {
 protected:
  static auto is_rejected(const std::string& reason) {
    return ElementsAre(AllOf(Field(&Result::outcome, Outcome::kRejected),
                             Field(&Result::reason, HasSubstr(reason))));
  }

  // Casts votes of voters 1 to 9 while the vote of voter 5 is refused.
  static std::vector<SubmittedVote> cast_nine(BusMachine& machine) {
    std::vector<SubmittedVote> votes;
    for (std::int64_t voter = 1; voter <= 9; ++voter)
      votes.push_back(machine.draw(voter, voter == 5 ? 5 : 1));
    EXPECT_EQ(machine.cast(votes), absl::OkStatus());
    EXPECT_TRUE(machine.wait_for_all_answers(kNoticeDeadline));
    return votes;
  }
};

TEST_F(RefusalsTest, AKeyOfTheWrongTypeInRedisRejectsItsVoterAndNoOther) {
  ElectionSystem& system = begin();
  const Quarantine quarantine(system.bus(), system.topic());
  system.redis.command({"LPUSH", fmt::format("voted:{}:5", system.election()), "x"});
  const auto machine = system.bus_machine(3);
  const auto votes = cast_nine(*machine);
  EXPECT_THAT(machine->answers(votes[4].uuid, 1), is_rejected("cannot mark"));
  EXPECT_EQ(system.row_count(), 8);
  EXPECT_TRUE(eventually(kNoticeDeadline, [&] { return quarantine.notices().size() == 1; }));
  EXPECT_EQ(system.loggers[0]->metric("pollbus_votes_total{outcome=\"refused\"}"), 1);
  EXPECT_TRUE(system.wait_until_all_ready(0ms));
}

TEST_F(RefusalsTest, ARowThatPostgresRefusesRejectsItsVoteAndNoOther) {
  ElectionSystem& system = begin();
  const Quarantine quarantine(system.bus(), system.topic());
  system.postgres.query("ALTER TABLE votes ADD CHECK (voting <> 5)");
  const auto machine = system.bus_machine(3);
  const auto votes = cast_nine(*machine);
  EXPECT_THAT(machine->answers(votes[4].uuid, 1), is_rejected("refuses"));
  EXPECT_EQ(system.row_count(), 8);
  EXPECT_TRUE(eventually(kNoticeDeadline, [&] { return quarantine.notices().size() == 1; }));
  EXPECT_EQ(system.recorders[0]->metric("pollbus_votes_total{outcome=\"refused\"}"), 1);
  EXPECT_TRUE(system.wait_until_all_ready(0ms));
}

TEST_F(RefusalsTest, ARowThatPostgresFailsToStoreWaitsAndDelaysNoOther) {
  ElectionSystem& system = begin();
  system.postgres.query(
      "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.voting = 5 THEN "
      "RAISE EXCEPTION USING ERRCODE = 'XX001'; END IF; RETURN NEW; END $$");
  system.postgres.query(
      "CREATE TRIGGER fail BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION fail()");
  const auto machine = system.bus_machine(3);
  const auto failing = machine->draw(1, 5);
  EXPECT_EQ(machine->cast(failing), absl::OkStatus());
  EXPECT_TRUE(eventually(kNoticeDeadline, [&] { return !system.recorders[0]->is_ready(); }));
  std::vector<SubmittedVote> others;
  for (std::int64_t voter = 2; voter <= 9; ++voter) others.push_back(machine->draw(voter, 1));
  EXPECT_EQ(machine->cast(others), absl::OkStatus());
  for (const SubmittedVote& vote : others) EXPECT_EQ(machine->answers(vote.uuid, 1).size(), 1u);
  EXPECT_EQ(system.row_count(), 8);
  system.postgres.query("DROP TRIGGER fail ON votes");
  EXPECT_TRUE(machine->wait_for_all_answers(kNoticeDeadline));
  EXPECT_TRUE(system.wait_until_all_ready(kNoticeDeadline));
  expect_invariants(system, machine->accounts());
}

TEST_F(RefusalsTest, ATableThatIsAwayForAWhileRejectsNobody) {
  ElectionSystem& system = begin();
  system.postgres.query("ALTER TABLE votes RENAME TO elsewhere");
  const auto machine = system.bus_machine(3);
  EXPECT_EQ(machine->cast(machine->draw(43, 4)), absl::OkStatus());
  EXPECT_TRUE(eventually(kNoticeDeadline, [&] { return !system.recorders[0]->is_ready(); }));
  system.postgres.query("ALTER TABLE elsewhere RENAME TO votes");
  EXPECT_TRUE(machine->wait_for_all_answers(kNoticeDeadline));
  EXPECT_TRUE(system.wait_until_all_ready(kNoticeDeadline));
  expect_invariants(system, machine->accounts());
}

TEST_F(RefusalsTest, RepeatedVotesAreCountedApart) {
  ElectionSystem& system = begin();
  const auto machine = system.bus_machine(3);
  const auto vote = machine->draw(43, 4);
  for (std::size_t times = 1; times <= 5; ++times) {
    EXPECT_EQ(machine->cast(vote), absl::OkStatus());
    ASSERT_EQ(machine->answers(vote.uuid, times).size(), times);
  }
  const VotingService& recorder = *system.recorders[0];
  EXPECT_TRUE(eventually(kNoticeDeadline, [&] {
    return recorder.metric("pollbus_votes_total{outcome=\"recorded again\"}") == 4;
  }));
  EXPECT_EQ(recorder.metric("pollbus_votes_total{outcome=\"recorded\"}"), 1);
}

TEST_F(RefusalsTest, MarksAndRowsAreMetricsAndAnEmptiedRedisIsNoticed) {
  ElectionSystem& system = begin({.loggers = 2});
  const auto machine = system.bus_machine(3);
  for (std::int64_t voter = 1; voter <= 7; ++voter)
    EXPECT_EQ(machine->cast(machine->draw(voter, 1)), absl::OkStatus());
  EXPECT_TRUE(machine->wait_for_all_answers(kNoticeDeadline));
  const std::string label = fmt::format("{{election=\"{}\"}}", system.election());
  for (const auto& logger : system.loggers) {
    EXPECT_TRUE(eventually(kNoticeDeadline, [&] {
      return logger->metric("pollbus_marks" + label) == 7;
    })) << logger->name();
  }
  EXPECT_TRUE(eventually(kNoticeDeadline,
                         [&] { return system.recorders[0]->metric("pollbus_rows" + label) == 7; }));
  system.redis.command({"FLUSHALL"});
  for (const auto& logger : system.loggers) {
    EXPECT_TRUE(eventually(kNoticeDeadline, [&] {
      return logger->metric("pollbus_marks_lost_total") == 7;
    })) << logger->name();
    EXPECT_THAT(logger->log(), HasSubstr("marks were lost"));
    EXPECT_EQ(logger->metric("pollbus_marks" + label), 0);
  }
}

}  // namespace
}  // namespace pollbus::testing
