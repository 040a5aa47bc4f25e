#include "election_board/time_chart.h"

#include <gtest/gtest.h>

namespace pollbus::election_board {
namespace {

constexpr std::int64_t kMinute = 60'000;

TEST(TimeSeries, WithoutVotesThereIsNothingToDraw) {
  EXPECT_TRUE(make_time_series({}).bins.empty());
  EXPECT_TRUE(make_time_series({{kMinute, 0}}).bins.empty());
  EXPECT_EQ(chart_line({}), "M0 100H100");
}

TEST(TimeSeries, OneVoteIsOneBin) {
  const TimeSeries series = make_time_series({{7 * kMinute, 1}});
  ASSERT_EQ(series.bins.size(), 1U);
  EXPECT_EQ(series.bins[0].start_utc_ms, 7 * kMinute);
  EXPECT_EQ(series.bins[0].total, 1);
  EXPECT_EQ(chart_line(series), "M0 100L100.00 0.00");
}

TEST(TimeSeries, MinutesWithoutVotesAreInTheSeriesAndTheTotalNeverFalls) {
  const TimeSeries series = make_time_series({{0, 2}, {3 * kMinute, 4}});
  ASSERT_EQ(series.bins.size(), 4U);
  EXPECT_EQ(series.bins[1].votes, 0);
  EXPECT_EQ(series.bins[2].total, 2);
  EXPECT_EQ(series.bins[3].total, 6);
}

TEST(TimeSeries, ALongTimeIsPutIntoFewBinsOfARoundLength) {
  for (const std::int64_t minutes : {48, 49, 720, 1'440, 10'000, 1'000'000, 100'000'000}) {
    const TimeSeries series = make_time_series({{kMinute, 1}, {minutes * kMinute, 1}});
    EXPECT_LE(series.bins.size(), kMaxBins) << minutes;
    EXPECT_EQ(series.bins.back().total, 2);
    EXPECT_EQ(series.bins.front().start_utc_ms % series.bin_ms, 0);
  }
  EXPECT_EQ(make_time_series({{0, 1}, {719 * kMinute, 1}}).bin_ms, 15 * kMinute);
}

TEST(TimeSeries, TheChartEndsAtTheTopAndItsAreaIsClosed) {
  const TimeSeries series = make_time_series({{0, 1}, {kMinute, 3}});
  EXPECT_EQ(chart_area(series), "M0 100L50.00 75.00L100.00 0.00V100H0Z");
}

}  // namespace
}  // namespace pollbus::election_board
