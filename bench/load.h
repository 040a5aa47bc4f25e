#pragma once

#include <google/pubsub/v1/pubsub.grpc.pb.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/latency_histogram.h"

namespace pollbus::bench {

// Shared by the publishers and receivers of one run: counts the messages that are published but not
// received yet, and collects the measurements. Thread-safe.
class Tally {
 public:
  // Publishers wait while this many messages are published but not received.
  explicit Tally(std::int64_t max_ahead) : max_ahead_(max_ahead) {}

  // Waits for room, and returns false when the run is over.
  bool await_room(std::int64_t messages);
  void published(std::int64_t messages) { published_ += messages; }
  void failed(std::int64_t messages, const std::string& reason);
  void received(std::int64_t messages, const LatencyHistogram& latencies);

  // Begins to count.
  void begin();
  void end();

  std::int64_t published_count() const { return published_; }
  std::int64_t received_count() const { return received_; }
  std::int64_t failed_count() const { return failed_; }
  std::string failure() const;
  std::chrono::microseconds percentile(double percent) const;

 private:
  const std::int64_t max_ahead_;
  std::atomic<std::int64_t> published_ = 0;
  std::atomic<std::int64_t> failed_ = 0;
  std::atomic<std::int64_t> received_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::int64_t ahead_ = 0;
  bool is_over_ = false;
  bool is_measured_ = false;
  std::string failure_;
  std::vector<std::pair<std::chrono::microseconds, std::int64_t>> latencies_;
};

// The first bytes of a message's data say when it was created.
constexpr std::size_t kStampBytes = sizeof(std::int64_t);
std::string stamped(std::size_t bytes);
std::chrono::microseconds age_of(const std::string& data);

}  // namespace pollbus::bench
