#include "voting_machine/machine_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MachineMetricsTest : public ::testing::Test {
 protected:
  // Calls show() and returns what it logs.
  std::string shown(const Tally& tally) {
    ::testing::internal::CaptureStderr();
    metrics.show(tally);
    return ::testing::internal::GetCapturedStderr();
  }

  prometheus::Registry registry;
  MachineMetrics metrics{registry};
};

TEST_F(MachineMetricsTest, ShowTheLatestTally) {
  Tally tally;
  tally.sent = 3;
  metrics.show(tally);
  tally.sent = 10;
  tally.successful = 5;
  tally.already_voted = 2;
  tally.rejected = 1;
  tally.timed_out = 4;
  metrics.show(tally);
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  for (const char* line :
       {"pollbus_votes_cast_total 10\n", "pollbus_votes_total{outcome=\"successful\"} 5\n",
        "pollbus_votes_total{outcome=\"already voted\"} 2\n",
        "pollbus_votes_total{outcome=\"rejected\"} 1\n", "pollbus_votes_pending 2\n",
        "pollbus_votes_timed_out_total 4\n", "pollbus_unknown_results_total 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MachineMetricsTest, AnswersToVotesThatAreNotPendingAreLoggedWhenTheyBegin) {
  Tally tally;
  EXPECT_THAT(shown(tally), IsEmpty());
  tally.unknown_results = 7;
  EXPECT_THAT(shown(tally), HasSubstr("answers=7"));
  tally.unknown_results = 9;
  EXPECT_THAT(shown(tally), IsEmpty());
  EXPECT_THAT(shown(tally), IsEmpty());
  tally.unknown_results = 10;
  EXPECT_THAT(shown(tally), HasSubstr("answers=1"));
}

}  // namespace
}  // namespace pollbus::voting_machine
