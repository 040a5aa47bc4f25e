#include "load.h"

#include <algorithm>
#include <cstring>

namespace pollbus::bench {
namespace {

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool Tally::await_room(std::int64_t messages) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return is_over_ || ahead_ + messages <= max_ahead_; });
  ahead_ += messages;
  return !is_over_;
}

void Tally::failed(std::int64_t messages, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  failed_ += messages;
  failure_ = reason;
  ahead_ -= messages;
  room_.notify_all();
}

void Tally::received(std::int64_t messages, const LatencyHistogram& latencies) {
  received_ += messages;
  const std::lock_guard lock(mutex_);
  ahead_ -= messages;
  room_.notify_all();
  if (!is_measured_) return;
  for (const auto& [us, count] : latencies.buckets()) {
    latencies_.emplace_back(std::chrono::microseconds(us), count);
  }
}

void Tally::begin() {
  const std::lock_guard lock(mutex_);
  is_measured_ = true;
}

void Tally::end() {
  const std::lock_guard lock(mutex_);
  is_measured_ = false;
  is_over_ = true;
  room_.notify_all();
}

std::string Tally::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::chrono::microseconds Tally::percentile(double percent) const {
  auto sorted = [this] {
    const std::lock_guard lock(mutex_);
    return latencies_;
  }();
  std::ranges::sort(sorted);
  std::int64_t total = 0;
  for (const auto& [latency, count] : sorted) total += count;
  std::int64_t seen = 0;
  for (const auto& [latency, count] : sorted) {
    seen += count;
    if (static_cast<double>(seen) >= static_cast<double>(total) * percent / 100) return latency;
  }
  return {};
}

std::string stamped(std::size_t bytes) {
  std::string data(std::max(bytes, kStampBytes), 'x');
  const std::int64_t now = now_us();
  std::memcpy(data.data(), &now, sizeof(now));
  return data;
}

std::chrono::microseconds age_of(const std::string& data) {
  std::int64_t then = 0;
  if (data.size() < sizeof(then)) return {};
  std::memcpy(&then, data.data(), sizeof(then));
  return std::chrono::microseconds(now_us() - then);
}

}  // namespace pollbus::bench
