#include "faults/decorators/failure_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace pollbus::faults {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::array<std::string_view, 2> kPlaces = {"logger.after_mark", "logger.before_ack"};

std::unique_ptr<FailurePlan> plan(const std::string& text) {
  return *FailurePlan::parse(text, kPlaces);
}

TEST(FailurePlanTest, APlaceWithoutARuleGoesOn) {
  const auto failures = plan("logger.before_ack=fail");
  EXPECT_TRUE(failures->reached("logger.after_mark").ok());
  EXPECT_EQ(failures->reached("logger.before_ack"),
            absl::UnavailableError("failpoint logger.before_ack"));
}

TEST(FailurePlanTest, OnceIsTheFirstTime) {
  const auto failures = plan("logger.before_ack=fail(once)");
  EXPECT_FALSE(failures->reached("logger.before_ack").ok());
  EXPECT_TRUE(failures->reached("logger.before_ack").ok());
}

TEST(FailurePlanTest, OnlyTheNthTimeFails) {
  const auto failures = plan("logger.before_ack=fail(nth=2)");
  EXPECT_TRUE(failures->reached("logger.before_ack").ok());
  EXPECT_FALSE(failures->reached("logger.before_ack").ok());
  EXPECT_TRUE(failures->reached("logger.before_ack").ok());
}

TEST(FailurePlanTest, TheSameSeedMakesTheSameChoices) {
  const auto choices = [] {
    const auto failures = plan("logger.before_ack=fail(p=0.5,seed=7)");
    std::vector<bool> failed;
    for (int i = 0; i < 64; ++i) failed.push_back(!failures->reached("logger.before_ack").ok());
    return failed;
  };
  const auto first = choices();
  EXPECT_EQ(choices(), first);
  EXPECT_GT(std::ranges::count(first, true), 10);
  EXPECT_LT(std::ranges::count(first, true), 54);
}

TEST(FailurePlanTest, AHangLastsAsLongAsItSays) {
  const auto failures = plan("logger.after_mark=hang(20ms)");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(failures->reached("logger.after_mark").ok());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
}

TEST(FailurePlanTest, ACrashEndsTheProcessAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(plan("logger.after_mark=crash")->reached("logger.after_mark").IgnoreError(),
              ::testing::ExitedWithCode(FailurePlan::kCrashExitCode), "logger.after_mark");
}

TEST(FailurePlanTest, AllMistakesInATextAreNamedTogether) {
  const auto wrong =
      FailurePlan::parse("no.such=crash;logger.before_ack=burn;logger.after_mark=fail(x)", kPlaces);
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(wrong.status().message()),
      AllOf(HasSubstr("no place \"no.such\"; its places are logger.after_mark, "),
            HasSubstr("logger.before_ack: expected crash, hang or fail"), HasSubstr("not \"x\"")));
  for (const char* bad : {"logger.before_ack", "logger.before_ack=fail(nth=0)",
                          "logger.before_ack=fail(p=2)", "logger.before_ack=fail(5s)",
                          "logger.before_ack=fail(once", "logger.before_ack=hang(-1s)"}) {
    EXPECT_FALSE(FailurePlan::parse(bad, kPlaces).ok()) << bad;
  }
  EXPECT_TRUE(
      FailurePlan::parse("logger.after_mark=crash;logger.before_ack=hang(5s)", kPlaces).ok());
  EXPECT_TRUE(FailurePlan::parse("", kPlaces).ok());
}

}  // namespace
}  // namespace pollbus::faults
