#include "base/backoff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "support/manual_clock.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using testing::ManualClock;

const auto kAlways = [](const absl::Status&) { return true; };
const auto kQuietly = [](const absl::Status&, milliseconds) {};
constexpr BackoffPolicy kExact{
    .initial = milliseconds(100), .max = milliseconds(450), .jittered = false};

TEST(BackoffTest, PausesDoubleUpToTheLimit) {
  Backoff backoff(kExact);
  for (const int expected : {100, 200, 400, 450, 450}) EXPECT_EQ(backoff.next().count(), expected);
  backoff.reset();
  EXPECT_EQ(backoff.next().count(), 100);
}

TEST(BackoffTest, JitterStaysBetweenHalfAndTheWholePauseAndDiffers) {
  Backoff backoff({.initial = milliseconds(1'000), .max = milliseconds(1'000)});
  std::set<milliseconds> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, milliseconds(500));
    EXPECT_LE(pause, milliseconds(1'000));
    seen.insert(pause);
  }
  EXPECT_GT(seen.size(), 100U);
}

TEST(BackoffTest, JitterDoesNotSlowTheGrowthDown) {
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(30'000)});
  for (milliseconds whole(100); whole < milliseconds(30'000); whole *= 2)
    EXPECT_GE(backoff.next(), whole / 2);
}

TEST(BackoffTest, NoPauseIsLongerThanTheLimitEvenTheFirst) {
  Backoff backoff({.initial = milliseconds(500), .max = milliseconds(200), .jittered = false});
  EXPECT_EQ(backoff.next(), milliseconds(200));
}

TEST(RetryTest, RetriesUntilItSucceedsAndReportsEachPause) {
  ManualClock clock;
  int tries = 0;
  std::vector<milliseconds> told;
  const auto status = retry(
      clock, {}, kExact, kAlways,
      [&](const absl::Status& error, milliseconds pause) {
        EXPECT_EQ(error, absl::UnavailableError("away"));
        told.push_back(pause);
      },
      [&] { return ++tries < 4 ? absl::UnavailableError("away") : absl::OkStatus(); });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(tries, 4);
  EXPECT_THAT(told, ElementsAre(milliseconds(100), milliseconds(200), milliseconds(400)));
  EXPECT_EQ(clock.pauses(), told);
}

TEST(RetryTest, ReturnsTheFirstFailureThatShouldNotBeRetriedWithoutAPause) {
  ManualClock clock;
  int tries = 0;
  const auto status = retry(
      clock, {}, kExact, [](const absl::Status& error) { return absl::IsUnavailable(error); },
      kQuietly,
      [&] { return ++tries == 1 ? absl::UnavailableError("away") : absl::NotFoundError("gone"); });
  EXPECT_EQ(status, absl::NotFoundError("gone"));
  EXPECT_EQ(tries, 2);
  EXPECT_EQ(clock.pauses().size(), 1U);
}

TEST(RetryTest, MakesNoAttemptAfterAStop) {
  ManualClock clock;
  std::stop_source stop;
  stop.request_stop();
  int tries = 0;
  const auto status = retry(clock, stop.get_token(), kExact, kAlways, kQuietly, [&] {
    ++tries;
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(tries, 0);
}

TEST(RetryTest, AStopEndsAPauseOfTheRealClockAtOnce) {
  std::stop_source stop;
  std::jthread stopper;
  const auto begun = std::chrono::steady_clock::now();
  const auto status = retry(
      system_clock(), stop.get_token(),
      {.initial = std::chrono::minutes(5), .max = std::chrono::minutes(5)}, kAlways,
      [&](const absl::Status&, milliseconds) {
        stopper = std::jthread([&] { stop.request_stop(); });
      },
      [] { return absl::UnavailableError("away"); });
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::minutes(1));
}

TEST(ClockTest, APauseWithoutAStopLastsItsTime) {
  const auto begun = system_clock().now();
  EXPECT_TRUE(system_clock().pause(milliseconds(20), {}));
  EXPECT_GE(system_clock().now() - begun, milliseconds(20));
}

}  // namespace
}  // namespace pollbus
