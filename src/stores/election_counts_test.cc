#include "stores/election_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ElectionCountsWatchTest : public ::testing::Test {
 protected:
  std::string metrics() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }

  // What the watch logs about these counts.
  std::string log_of(const ElectionCounts& counts) {
    ::testing::internal::CaptureStderr();
    watch.see(counts);
    return ::testing::internal::GetCapturedStderr();
  }

  prometheus::Registry registry;
  ElectionCountsWatch watch{"marks", "stop the election", registry};
};

TEST_F(ElectionCountsWatchTest, CountsAreMetricsByElection) {
  EXPECT_EQ(log_of({.by_election = {{12, 5}, {13, 1}}, .missing = 0}), "");
  EXPECT_EQ(log_of({.by_election = {{12, 7}, {13, 1}}, .missing = 0}), "");
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks{election=\"12\"} 7\n"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks{election=\"13\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks_lost_total 0\n"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks_missing 0\n"));
}

TEST_F(ElectionCountsWatchTest, ACountThatFallsIsLoggedOnceAndCounted) {
  log_of({.by_election = {{12, 5}}, .missing = 0});
  const std::string log = log_of({.by_election = {{12, 2}}, .missing = 0});
  EXPECT_THAT(log, HasSubstr("marks were lost"));
  EXPECT_THAT(log, HasSubstr("stop the election"));
  EXPECT_EQ(log_of({.by_election = {{12, 2}}, .missing = 0}), "");
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks_lost_total 3\n"));
}

TEST_F(ElectionCountsWatchTest, AnEmptiedStoreHasLostEverything) {
  log_of({.by_election = {{12, 5}, {13, 1}}, .missing = 0});
  EXPECT_THAT(log_of({}), HasSubstr("marks were lost"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks{election=\"12\"} 0\n"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks_lost_total 6\n"));
}

TEST_F(ElectionCountsWatchTest, MissingMarksAreLoggedWhenTheyIncrease) {
  EXPECT_THAT(log_of({.by_election = {{12, 5}}, .missing = 2}), HasSubstr("marks are missing"));
  EXPECT_EQ(log_of({.by_election = {{12, 5}}, .missing = 2}), "");
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks_missing 2\n"));
}

TEST_F(ElectionCountsWatchTest, TheNumberOfMetricsIsBounded) {
  ElectionCounts counts;
  for (std::size_t i = 0; i <= ElectionCountsWatch::kMaxElections; ++i)
    counts.by_election[static_cast<std::int64_t>(i)] = 1;
  EXPECT_THAT(log_of(counts), HasSubstr("more elections than metrics"));
  EXPECT_EQ(log_of(counts), "");
  EXPECT_THAT(metrics(), HasSubstr("pollbus_marks{election=\"99\"}"));
  EXPECT_THAT(metrics(), Not(HasSubstr("pollbus_marks{election=\"100\"}")));
}

}  // namespace
}  // namespace pollbus
