#include "bus/key_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;

class KeyWatchTest : public ::testing::Test {
 protected:
  void fail(int times) {
    for (int i = 0; i < times; ++i) watch.failed();
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  KeyWatch watch{"SUBMIT_KEY", "submit vote", clock, readiness};
};

TEST_F(KeyWatchTest, IsReadyAsLongAsNothingHasFailed) { EXPECT_TRUE(readiness.all_ready()); }

TEST_F(KeyWatchTest, WhenEveryMessageFailsForAWhileTheProcessIsNotReadyAndNamesTheKey) {
  fail(KeyWatch::kLeastFailures);
  EXPECT_TRUE(readiness.all_ready());
  clock.advance(KeyWatch::kPatience);
  EXPECT_TRUE(readiness.all_ready());
  fail(1);
  EXPECT_FALSE(readiness.all_ready());
  EXPECT_THAT(readiness.json(), HasSubstr("SUBMIT_KEY does not fit"));
}

TEST_F(KeyWatchTest, AFewFailuresOverALongTimeAreForgeries) {
  fail(1);
  clock.advance(10 * KeyWatch::kPatience);
  fail(KeyWatch::kLeastFailures - 2);
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(KeyWatchTest, AMessageThatPassesShowsThatTheKeyFits) {
  for (int i = 0; i < 10; ++i) {
    fail(KeyWatch::kLeastFailures);
    clock.advance(KeyWatch::kPatience);
    watch.passed();
  }
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(KeyWatchTest, TheProcessIsReadyAgainWhenAMessagePasses) {
  fail(KeyWatch::kLeastFailures);
  clock.advance(KeyWatch::kPatience);
  fail(1);
  watch.passed();
  EXPECT_TRUE(readiness.all_ready());
  fail(1);
  EXPECT_TRUE(readiness.all_ready());
}

}  // namespace
}  // namespace pollbus
