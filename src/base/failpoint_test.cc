#include "base/failpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

class FailpointTest : public ::testing::Test {
 protected:
  ~FailpointTest() override { set_failpoints("", ""); }
  static bool goes_on(Failpoint place) { return failpoint(place).ok(); }
};

TEST_F(FailpointTest, NothingHappensWhereNothingIsSet) {
  set_failpoints("logger.before_ack=fail", "");
  EXPECT_TRUE(goes_on(Failpoint::kLoggerAfterMark));
  EXPECT_EQ(failpoint(Failpoint::kLoggerBeforeAck),
            absl::UnavailableError("failpoint logger.before_ack"));
}

TEST_F(FailpointTest, OnceIsTheFirstTime) {
  set_failpoints("logger.before_ack=fail(once)", "");
  EXPECT_FALSE(goes_on(Failpoint::kLoggerBeforeAck));
  EXPECT_TRUE(goes_on(Failpoint::kLoggerBeforeAck));
}

TEST_F(FailpointTest, TheNthTimeIsNoOther) {
  set_failpoints("logger.before_ack=fail(nth=2)", "");
  EXPECT_TRUE(goes_on(Failpoint::kLoggerBeforeAck));
  EXPECT_FALSE(goes_on(Failpoint::kLoggerBeforeAck));
  EXPECT_TRUE(goes_on(Failpoint::kLoggerBeforeAck));
}

TEST_F(FailpointTest, ASeedRepeatsItsChoices) {
  const auto choices = [] {
    set_failpoints("broker.before_sync=fail(p=0.5,seed=7)", "");
    std::vector<bool> failed;
    for (int i = 0; i < 64; ++i) failed.push_back(!failpoint(Failpoint::kBrokerBeforeSync).ok());
    return failed;
  };
  const auto first = choices();
  EXPECT_EQ(choices(), first);
  EXPECT_GT(std::ranges::count(first, true), 10);
  EXPECT_LT(std::ranges::count(first, true), 54);
}

TEST_F(FailpointTest, AHangEndsWhenItsTimeIsOver) {
  set_failpoints("machine.after_publish=hang(20ms)", "");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(goes_on(Failpoint::kMachineAfterPublish));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
}

TEST_F(FailpointTest, ACrashEndsTheProcessAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        set_failpoints("recorder.after_commit=crash", "");
        (void)failpoint(Failpoint::kRecorderAfterCommit);
      },
      ::testing::ExitedWithCode(kFailpointExitCode), "recorder.after_commit");
}

TEST_F(FailpointTest, EveryProblemIsTold) {
  const auto problem =
      check_failpoints("no.such=crash;logger.before_ack=burn;bus.after_ack=fail(x)");
  EXPECT_THAT(problem,
              Optional(HasSubstr("no failpoint is called \"no.such\"; there are: machine.b")));
  EXPECT_THAT(problem, Optional(HasSubstr("logger.before_ack: expected crash, hang or fail")));
  EXPECT_THAT(problem, Optional(HasSubstr("bus.after_ack: what is \"x\"?")));
  for (const char* bad : {"logger.before_ack", "logger.before_ack=fail(nth=0)",
                          "logger.before_ack=fail(p=2)", "logger.before_ack=fail(5s)",
                          "logger.before_ack=fail(once", "logger.before_ack=hang(-1s)"}) {
    EXPECT_TRUE(check_failpoints(bad)) << bad;
  }
  EXPECT_EQ(check_failpoints("recorder.after_commit=crash;logger.before_ack=hang(5s);"
                             "machine.after_publish=fail(once);"
                             "broker.before_sync=fail(p=0.01,seed=7)"),
            std::nullopt);
  EXPECT_EQ(check_failpoints(""), std::nullopt);
}

TEST_F(FailpointTest, AMutantIsOneByName) {
  EXPECT_FALSE(is_mutant(Mutant::kSetWithoutNx));
  set_failpoints("", "set-without-nx");
  EXPECT_TRUE(is_mutant(Mutant::kSetWithoutNx));
  EXPECT_FALSE(is_mutant(Mutant::kNoReceipt));
  EXPECT_THAT(check_mutants("set-without-xn"), Optional(HasSubstr("set-without-nx")));
  EXPECT_EQ(check_mutants("set-without-nx,no-receipt"), std::nullopt);
}

TEST_F(FailpointTest, AnOracleIsAskedInstead) {
  FailpointOracle oracle{.reached = [](Failpoint) { return absl::AbortedError("told so"); },
                         .mutant = Mutant::kNoReceipt};
  set_oracle_of_this_thread(&oracle);
  EXPECT_EQ(failpoint(Failpoint::kBusAfterAck), absl::AbortedError("told so"));
  EXPECT_TRUE(is_mutant(Mutant::kNoReceipt));
  set_oracle_of_this_thread(nullptr);
  EXPECT_TRUE(goes_on(Failpoint::kBusAfterAck));
}

}  // namespace
}  // namespace pollbus
