#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace pollbus {

// Counts durations from 1 µs to about an hour in buckets no wider than 1/32 of what they hold, so
// that percentiles are within 3.2 %. Fixed size, no allocation to record. Not thread-safe.
class LatencyHistogram {
 public:
  void record(std::chrono::microseconds latency);

  std::int64_t count() const { return count_; }
  // The latency that `percent` of all do not exceed; 0 when empty.
  std::chrono::microseconds percentile(double percent) const;
  // (upper bound in µs, count) of each bucket that holds something, ascending: what adds up across
  // processes.
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
