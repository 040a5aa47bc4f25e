#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace pollbus::bench {

struct Plan {
  std::string target;  // host:port
  std::int64_t subscriptions = 1;
  std::int64_t active = 1;    // how many of these are published to and receive; 0: all
  std::int64_t creators = 8;  // threads that create subscriptions
  std::int64_t bytes = 160;
  std::int64_t batch = 100;    // messages per publish
  std::int64_t publishes = 8;  // publishes that run at a time
  std::int64_t rate = 0;       // messages per second; 0: as fast as possible
  std::int64_t max_ahead = 20'000;
  std::chrono::seconds warm_up{2};
  std::chrono::seconds measured{10};
};

struct Measurement {
  double published_per_s = 0;
  double received_per_s = 0;
  double set_up_s = 0;  // to create topic, subscriptions and streams
  std::chrono::microseconds p50{};
  std::chrono::microseconds p95{};
  std::chrono::microseconds p99{};
  std::int64_t failed = 0;
  std::string failure;
};

// Creates a topic and its subscriptions, publishes to the active ones in turn, receives and acks,
// and deletes everything. Each subscription has the filter attributes.function="result" AND
// attributes.machineID="N".
absl::StatusOr<Measurement> run(const Plan& plan);

// Publishes this many messages to one subscription and leaves them there, so that a broker can be
// restarted with them. Returns the seconds that took.
absl::StatusOr<double> fill(const Plan& plan, std::int64_t messages);
// Receives and acks the messages that fill() has left, and deletes what fill() has created. The
// rate is that of received messages.
absl::StatusOr<Measurement> drain(const Plan& plan, std::int64_t messages);

}  // namespace pollbus::bench
