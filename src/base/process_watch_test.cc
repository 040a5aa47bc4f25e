#include "base/process_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "base/logging.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

struct Case {
  milliseconds steady_passed;
  milliseconds wall_passed;
  milliseconds stalled;
  milliseconds clock_moved;
};

TEST(DisturbanceTest, IsTheExcessOfThePauseAndTheJumpOfTheWallClock) {
  const milliseconds asked(500);
  const Case cases[] = {
      {asked, asked, milliseconds(0), milliseconds(0)},
      {milliseconds(900), milliseconds(910), milliseconds(0), milliseconds(0)},
      {seconds(12), seconds(12), milliseconds(11'500), milliseconds(0)},
      {asked, asked + hours(1), milliseconds(0), hours(1)},
      {asked, asked - hours(1), milliseconds(0), -hours(1)},
      {seconds(12), seconds(12) + hours(1), milliseconds(11'500), hours(1)},
      {asked, milliseconds(0), milliseconds(0), milliseconds(0)},
  };
  const ClockReading before{SteadyTime(hours(5)), WallTime(hours(70))};
  for (const Case& the : cases) {
    const ClockReading after{before.steady + the.steady_passed, before.wall + the.wall_passed};
    const Disturbance found = disturbance_between(before, after, asked);
    EXPECT_EQ(found.stalled, the.stalled) << the.steady_passed.count();
    EXPECT_EQ(found.clock_moved, the.clock_moved) << the.wall_passed.count();
  }
}

TEST(ProcessWatchTest, AStallIsLoggedAndCountedOnce) {
  testing::ManualClock clock;
  prometheus::Registry metrics;
  ProcessWatch watch(clock, metrics);
  const auto text = [&] { return prometheus::TextSerializer().Serialize(metrics.Collect()); };
  EXPECT_THAT(text(), HasSubstr("process_start_time_seconds 1709908090.96"));

  clock.advance(ProcessWatch::kInterval);
  watch.look();
  EXPECT_THAT(text(), HasSubstr("pollbus_process_stalls_total 0\n"));

  set_up_logging("test", LogFormat::kText, LogLevel::kInfo);
  clock.advance(seconds(12));
  ::testing::internal::CaptureStderr();
  watch.look();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("process was stalled for_ms=11500"));
  clock.advance(ProcessWatch::kInterval);
  watch.look();
  EXPECT_THAT(text(), HasSubstr("pollbus_process_stalls_total 1\n"));
  EXPECT_THAT(text(), HasSubstr("pollbus_process_stalled_seconds_total 11.5\n"));
  EXPECT_THAT(text(), HasSubstr("pollbus_clock_jumps_total 0\n"));
}

}  // namespace
}  // namespace pollbus
