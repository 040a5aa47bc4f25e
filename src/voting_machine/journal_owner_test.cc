#include "voting_machine/journal_owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "voting_machine/fake_journal_file.h"

namespace pollbus::voting_machine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class JournalOwnerTest : public ::testing::Test {
 protected:
  // Opens the journal, claims it, and closes it again.
  absl::Status claim(const JournalOwner& owner, LeftoverVotes leftover = LeftoverVotes::kRefuse) {
    auto journal = Journal::open(disk.open());
    EXPECT_TRUE(journal.ok()) << journal.status();
    return claim_journal(**journal, owner, leftover);
  }
  // Leaves a vote of `owner` behind.
  void leave_vote(const JournalOwner& owner) {
    auto journal = Journal::open(disk.open());
    ASSERT_TRUE(claim_journal(**journal, owner, LeftoverVotes::kRefuse).ok());
    const std::vector<std::string> votes{"a vote"};
    ASSERT_TRUE((*journal)->append(votes).ok());
  }
  std::size_t votes_left() { return (*Journal::open(disk.open()))->recovered().size(); }

  FakeDisk disk;
  const JournalOwner here{.election = 12,
                          .machine = 3,
                          .topic = "projects/local/topics/election",
                          .host = "127.0.0.1:8085",
                          .life = "first"};
};

TEST_F(JournalOwnerTest, TheSameMachineOnTheSameBusGoesOn) {
  leave_vote(here);
  EXPECT_TRUE(claim(here).ok());
  EXPECT_EQ(votes_left(), 1U);
}

TEST_F(JournalOwnerTest, VotesOfAnotherBusAreRefusedWithAWayToGoOn) {
  leave_vote(here);
  for (const auto& change : std::vector<std::function<void(JournalOwner&)>>{
           [](JournalOwner& owner) { owner.topic = "projects/real/topics/election"; },
           [](JournalOwner& owner) { owner.life = "second"; },
           [](JournalOwner& owner) {
             owner.life = "";
             owner.host = "10.0.0.3:8085";
           }}) {
    JournalOwner there = here;
    change(there);
    const absl::Status status = claim(there);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("1 unanswered vote that"), HasSubstr("--leftover-votes discard"),
                      HasSubstr("--leftover-votes cast")));
    EXPECT_EQ(votes_left(), 1U);
    EXPECT_TRUE(claim(here).ok()) << "the journal is still that of the first bus";
  }
}

TEST_F(JournalOwnerTest, ABusMayBeReachedUnderAnotherAddress) {
  leave_vote(here);
  JournalOwner there = here;
  there.host = "localhost:8085";
  EXPECT_TRUE(claim(there).ok());
}

TEST_F(JournalOwnerTest, WithoutALifeTheTopicAndTheAddressDecide) {
  JournalOwner unknown = here;
  unknown.life = "";
  leave_vote(unknown);
  EXPECT_TRUE(claim(unknown).ok());
  EXPECT_TRUE(claim(here).ok());
  EXPECT_TRUE(claim(unknown).ok());
}

TEST_F(JournalOwnerTest, DiscardDeletesTheVotesOfAnotherBusButNotThoseOfThisOne) {
  leave_vote(here);
  EXPECT_TRUE(claim(here, LeftoverVotes::kDiscard).ok());
  EXPECT_EQ(votes_left(), 1U);
  JournalOwner there = here;
  there.life = "second";
  EXPECT_TRUE(claim(there, LeftoverVotes::kDiscard).ok());
  EXPECT_EQ(votes_left(), 0U);
  EXPECT_FALSE(disk.has_synced("a vote"));
}

TEST_F(JournalOwnerTest, CastKeepsTheVotesForThisBus) {
  leave_vote(here);
  JournalOwner there = here;
  there.life = "second";
  EXPECT_TRUE(claim(there, LeftoverVotes::kCast).ok());
  EXPECT_EQ(votes_left(), 1U);
  EXPECT_TRUE(claim(there).ok());
  EXPECT_FALSE(claim(here).ok());
}

TEST_F(JournalOwnerTest, AJournalWithoutVotesMayBeUsedByAnyone) {
  ASSERT_TRUE(claim(here).ok());
  const JournalOwner other{
      .election = 13, .machine = 4, .topic = "t", .host = "h", .life = "second"};
  EXPECT_TRUE(claim(other).ok());
  leave_vote(other);
  EXPECT_FALSE(claim(here).ok());
}

TEST_F(JournalOwnerTest, VotesOfAnotherMachineOrElectionAreRefusedWhateverTheOperatorSays) {
  leave_vote(here);
  JournalOwner other_machine = here;
  other_machine.machine = 4;
  JournalOwner other_election = here;
  other_election.election = 13;
  for (const JournalOwner& other : {other_machine, other_election}) {
    for (const LeftoverVotes leftover :
         {LeftoverVotes::kRefuse, LeftoverVotes::kCast, LeftoverVotes::kDiscard}) {
      const absl::Status status = claim(other, leftover);
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("machine 3 in election 12"));
    }
  }
  EXPECT_EQ(votes_left(), 1U);
}

TEST_F(JournalOwnerTest, VotesInAJournalWithoutAReadableOwnerAreRefusedUnlessTheOperatorSays) {
  {
    auto journal = Journal::open(disk.open());
    ASSERT_TRUE((*journal)->claim("election 12 machine 3").ok());
    const std::vector<std::string> votes{"a vote"};
    ASSERT_TRUE((*journal)->append(votes).ok());
  }
  EXPECT_THAT(std::string(claim(here).message()), HasSubstr("do not say on which bus"));
  EXPECT_TRUE(claim(here, LeftoverVotes::kCast).ok());
  EXPECT_TRUE(claim(here).ok());
}

TEST_F(JournalOwnerTest, LongNamesFitAndAreStillToldApart) {
  JournalOwner one = here;
  one.topic = "projects/" + std::string(63, 'p') + "/topics/" + std::string(254, 't') + "1";
  one.host = std::string(253, 'h') + ":8085";
  one.life = std::string(63, 'l');
  one.election = one.machine = 9'007'199'254'740'991;
  leave_vote(one);
  EXPECT_TRUE(claim(one).ok());
  JournalOwner two = one;
  two.topic.back() = '2';
  EXPECT_FALSE(claim(two).ok());
}

}  // namespace
}  // namespace pollbus::voting_machine
