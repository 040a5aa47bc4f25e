#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace pollbus {

// Counts durations from 1 µs to about an hour. A bucket is at most 1/32 as wide as its durations,
// so that percentiles are exact to 3.2 %. Has a fixed size. Not thread-safe.
class LatencyHistogram {
 public:
  void record(std::chrono::microseconds latency);

  std::int64_t count() const { return count_; }
  // The latency that `percent` of all latencies do not exceed; 0 if there are none.
  std::chrono::microseconds percentile(double percent) const;
  // The upper bound in µs and the count of each bucket that is not empty, in ascending order. The
  // buckets of several processes can be added up.
  std::vector<std::pair<std::int64_t, std::int64_t>> buckets() const;

 private:
  static constexpr int kSubBucketBits = 5;
  static constexpr int kMaxBits = 32;
  static constexpr int kBuckets = (kMaxBits - kSubBucketBits + 1) << kSubBucketBits;

  static int bucket_of(std::int64_t microseconds);
  static std::int64_t upper_bound(int bucket);

  std::array<std::int64_t, kBuckets> counts_{};
  std::int64_t count_ = 0;
};

}  // namespace pollbus
