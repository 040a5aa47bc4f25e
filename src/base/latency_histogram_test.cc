#include "base/latency_histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(LatencyHistogramTest, WithoutRecordsThePercentileIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.percentile(50), microseconds(0));
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(LatencyHistogramTest, APercentileIsExactToOneThirtySecond) {
  std::vector<std::int64_t> latencies{0, 1, 31, 32, 33, 63, 64, 65, 999'999};
  for (std::int64_t power = 1; power < std::int64_t{1} << 32; power *= 2)
    for (const std::int64_t near : {power - 1, power, power + 1, power + power / 3})
      if (near < std::int64_t{1} << 32) latencies.push_back(near);
  for (const std::int64_t latency : latencies) {
    LatencyHistogram histogram;
    histogram.record(microseconds(latency));
    const std::int64_t found = histogram.percentile(50).count();
    EXPECT_GE(found, latency);
    EXPECT_LE(found - latency, latency / 32) << latency;
  }
}

TEST(LatencyHistogramTest, LatenciesOutsideTheRangeAreCountedAtItsEnds) {
  LatencyHistogram histogram;
  histogram.record(microseconds(-5));
  histogram.record(microseconds::max());
  EXPECT_THAT(histogram.buckets(), ElementsAre(Pair(0, 1), Pair((std::int64_t{1} << 32) - 1, 1)));
  EXPECT_EQ(histogram.percentile(0), microseconds(0));
  EXPECT_EQ(histogram.percentile(100), microseconds((std::int64_t{1} << 32) - 1));
}

TEST(LatencyHistogramTest, APercentileIsTheLeastLatencyThatThisShareDoesNotExceed) {
  for (int count = 1; count <= 31; ++count) {  // one bucket each
    LatencyHistogram histogram;
    for (int i = 1; i <= count; ++i) histogram.record(microseconds(i));
    for (int percent = 1; percent <= 100; ++percent) {
      const int rank = (percent * count + 99) / 100;
      EXPECT_EQ(histogram.percentile(percent), microseconds(rank))
          << percent << " percent of " << count;
    }
  }
}

TEST(LatencyHistogramTest, APercentileOfManyLatenciesIsTheOneOfThatRank) {
  // 100 latencies, 55 of them short: the 55th percentile is still short.
  LatencyHistogram histogram;
  for (int i = 0; i < 55; ++i) histogram.record(microseconds(1));
  for (int i = 0; i < 45; ++i) histogram.record(microseconds(9));
  EXPECT_EQ(histogram.percentile(55), microseconds(1));
  EXPECT_EQ(histogram.percentile(56), microseconds(9));
}

TEST(LatencyHistogramTest, BucketsAscendAndAddUp) {
  LatencyHistogram histogram;
  for (std::int64_t i = 0; i < 10'000; ++i) histogram.record(microseconds(i * i));
  const auto buckets = histogram.buckets();
  std::int64_t sum = 0;
  std::int64_t last = -1;
  for (const auto& [upper_bound, count] : buckets) {
    EXPECT_GT(upper_bound, last);
    EXPECT_GT(count, 0);
    last = upper_bound;
    sum += count;
  }
  EXPECT_EQ(sum, 10'000);
  EXPECT_EQ(histogram.count(), 10'000);
}

TEST(LatencyHistogramTest, BucketsOfTwoProcessesHaveTheSameBounds) {
  LatencyHistogram one;
  LatencyHistogram other;
  one.record(microseconds(1'000'000));
  other.record(microseconds(1'000'001));
  EXPECT_EQ(one.buckets().front().first, other.buckets().front().first);
}

}  // namespace
}  // namespace pollbus
