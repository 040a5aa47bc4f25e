#include "election_board/problem_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election_board/board_fixture.h"

namespace pollbus::election_board {
namespace {

class ProblemLogTest : public testing::Test {
 protected:
  // What is logged when this snapshot is shown.
  std::string shown(const Snapshot& snapshot) {
    testing::internal::CaptureStderr();
    log_.update(snapshot);
    return testing::internal::GetCapturedStderr();
  }
  double unverified() { return gauge(metrics_, "pollbus_unverified_elections", "").Value(); }

  prometheus::Registry metrics_;
  ProblemLog log_{metrics_};
};

TEST_F(ProblemLogTest, SaysOnceWhichElectionCannotBeVerifiedAndWhy) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  SnapshotBuilder builder(election.office.public_key());
  EXPECT_EQ(shown(*builder.update(election.counts)), "");
  EXPECT_EQ(unverified(), 0);
  election.counts.events.clear();
  election.add(EventKind::kClose);
  election.counts.events[0].event.signature = std::string(128, '0');
  const auto snapshot = builder.update(election.counts);
  EXPECT_THAT(shown(*snapshot),
              AllOf(testing::HasSubstr("the history of an election cannot be verified"),
                    testing::HasSubstr("election=12"),
                    testing::HasSubstr("the signature of an event is not")));
  EXPECT_EQ(shown(*snapshot), "");
  EXPECT_EQ(unverified(), 1);
}

TEST_F(ProblemLogTest, CountsElectionsWithoutAVerifiedDefinitionToo) {
  FakeElection election(two_choices());
  SnapshotBuilder builder(OfficePrivateKey::generate().public_key());
  EXPECT_THAT(shown(*builder.update(election.counts)), testing::HasSubstr("election=12"));
  EXPECT_EQ(unverified(), 1);
}

}  // namespace
}  // namespace pollbus::election_board
