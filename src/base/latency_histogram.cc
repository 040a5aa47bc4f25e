#include "base/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace pollbus {

// Values below 2^kSubBucketBits have a bucket each. Above, each power of two is cut into
// 2^kSubBucketBits equal buckets.
int LatencyHistogram::bucket_of(std::int64_t microseconds) {
  const auto value = static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(microseconds, 0, (std::int64_t{1} << kMaxBits) - 1));
  const int bits = static_cast<int>(std::bit_width(value));
  if (bits <= kSubBucketBits) return static_cast<int>(value);
  const int shift = bits - kSubBucketBits - 1;
  return ((shift + 1) << kSubBucketBits) +
         static_cast<int>((value >> shift) - (1U << kSubBucketBits));
}

std::int64_t LatencyHistogram::upper_bound(int bucket) {
  const int power = bucket >> kSubBucketBits;
  const std::int64_t part = bucket & ((1 << kSubBucketBits) - 1);
  if (power == 0) return part;
  const int shift = power - 1;
  return (((std::int64_t{1} << kSubBucketBits) + part + 1) << shift) - 1;
}

void LatencyHistogram::record(std::chrono::microseconds latency) {
  ++counts_[static_cast<std::size_t>(bucket_of(latency.count()))];
  ++count_;
}

std::chrono::microseconds LatencyHistogram::percentile(double percent) const {
  if (count_ == 0) return std::chrono::microseconds(0);
  const auto rank = std::max<std::int64_t>(
      1, std::llround(std::ceil(percent * static_cast<double>(count_) / 100)));
  std::int64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[static_cast<std::size_t>(bucket)];
    if (seen >= rank) return std::chrono::microseconds(upper_bound(bucket));
  }
  return std::chrono::microseconds(upper_bound(kBuckets - 1));
}

std::vector<std::pair<std::int64_t, std::int64_t>> LatencyHistogram::buckets() const {
  std::vector<std::pair<std::int64_t, std::int64_t>> filled;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    const std::int64_t count = counts_[static_cast<std::size_t>(bucket)];
    if (count > 0) filled.emplace_back(upper_bound(bucket), count);
  }
  return filled;
}

}  // namespace pollbus
