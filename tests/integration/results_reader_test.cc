// Reading what everybody may know from a real PostgreSQL.
#include "stores/results_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/store_fixture.h"

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class ResultsReaderTest : public testing::StoreTest {
 protected:
  void SetUp() override {
    migrate();
    add_election(12);
  }

  void add_election(std::int64_t election) {
    postgres_.query("INSERT INTO elections VALUES (" + std::to_string(election) +
                    ", 'City 2026', 'open', false, false, NULL, NULL, 0)");
  }

  void record(int from, int to, std::int64_t election = 12) {
    std::vector<Ballot> ballots = testing::ballots_of(from, to);
    for (Ballot& ballot : ballots) ballot.election = election;
    ASSERT_EQ(box_->record(ballots).status(), absl::OkStatus());
  }

  // As if all votes so far had been stored earlier.
  void move_turnout_back(const std::string& interval) {
    postgres_.query("UPDATE turnout SET minute = minute - interval '" + interval + "'");
  }

  PublicCounts read() {
    const auto counts = reader_->read({});
    EXPECT_EQ(counts.status(), absl::OkStatus());
    return counts.value_or(PublicCounts{});
  }

  // The votes of each minute, in order.
  std::vector<std::int64_t> minutes(std::int64_t election = 12) {
    std::vector<std::int64_t> votes;
    std::int64_t last = 0;
    PublicCounts counts = read();
    for (const auto& minute : counts.by_minute[election]) {
      EXPECT_GT(minute.minute_utc_ms, last);
      last = minute.minute_utc_ms;
      votes.push_back(minute.votes);
    }
    return votes;
  }

  std::unique_ptr<ResultsReader> reader_ = make_postgres_results_reader(config());
};

TEST_F(ResultsReaderTest, MinutesAreThoseOfAllVotesWheneverTheyWereStored) {
  EXPECT_THAT(minutes(), IsEmpty());
  record(0, 10);
  move_turnout_back("3 hours");
  EXPECT_THAT(minutes(), ElementsAre(10));
  record(10, 15);
  move_turnout_back("1 hour");
  EXPECT_THAT(minutes(), ElementsAre(10, 5)) << "votes of a minute that was over at both readings";
  record(15, 17);
  EXPECT_THAT(minutes(), ElementsAre(10, 5, 2));
  record(17, 20);
  std::vector<std::int64_t> all = minutes();
  if (all.size() == 4) all = {all[0], all[1], all[2] + all[3]};  // a minute ended meanwhile
  EXPECT_THAT(all, ElementsAre(10, 5, 5));
}

TEST_F(ResultsReaderTest, AVoteOfAnEarlierMinuteThatIsCommittedLateIsSeen) {
  record(0, 10);
  move_turnout_back("1 hour");
  record(10, 11);
  EXPECT_THAT(minutes(), ElementsAre(10, 1));
  record(11, 14);
  postgres_.query("DELETE FROM turnout");
  postgres_.query(
      "INSERT INTO turnout VALUES (12, now() - interval '1 hour', 0, 13), (12, now(), 0, 1)");
  EXPECT_THAT(minutes(), ElementsAre(13, 1));
}

TEST_F(ResultsReaderTest, EachElectionHasItsOwnMinutes) {
  add_election(13);
  record(0, 10);
  record(10, 13, 13);
  record(13, 17, 14);  // never defined
  move_turnout_back("2 hours");
  const PublicCounts counts = read();
  EXPECT_EQ(counts.by_minute.at(12).at(0).votes, 10);
  EXPECT_EQ(counts.by_minute.at(13).at(0).votes, 3);
  EXPECT_EQ(counts.by_minute.size(), 2U);
  EXPECT_THAT(counts.by_machine,
              ElementsAre(Pair(12, ElementsAre(Pair(3, 10))), Pair(13, ElementsAre(Pair(3, 3)))));
  record(17, 20, 13);
  EXPECT_THAT(minutes(12), ElementsAre(10));
  EXPECT_THAT(minutes(13), ElementsAre(3, 3));
}

TEST_F(ResultsReaderTest, MinutesAreNotReadAgainWithoutNewVotes) {
  record(0, 10);
  move_turnout_back("2 hours");
  EXPECT_THAT(minutes(), ElementsAre(10));
  postgres_.query("DROP VIEW board_turnout_by_minute");
  EXPECT_THAT(minutes(), ElementsAre(10));
}

TEST_F(ResultsReaderTest, ADatabaseThatWasRestoredFromABackupIsReadAgain) {
  record(0, 10);
  move_turnout_back("2 hours");
  record(10, 15);
  EXPECT_THAT(minutes(), ElementsAre(10, 5));
  postgres_.query("DELETE FROM turnout WHERE votes = 5");
  postgres_.query("DELETE FROM vote_counts WHERE voting >= 10");
  EXPECT_THAT(minutes(), ElementsAre(10));
}

}  // namespace
}  // namespace pollbus
