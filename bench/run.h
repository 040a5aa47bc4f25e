#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace pollbus::bench {

struct Plan {
  std::string target;  // host:port
  std::int64_t subscriptions = 1;
  std::int64_t active = 1;    // of these are published to and received from; 0: all
  std::int64_t creators = 8;  // make subscriptions at once
  std::int64_t bytes = 160;
  std::int64_t batch = 100;    // messages a publish
  std::int64_t publishes = 8;  // under way at once
  std::int64_t rate = 0;       // messages a second; 0: as fast as it goes
  std::int64_t max_ahead = 20'000;
  std::chrono::seconds warm_up{2};
  std::chrono::seconds measured{10};
};

struct Measurement {
  double published_per_s = 0;
  double received_per_s = 0;
  double set_up_s = 0;  // topic, subscriptions and streams
  std::chrono::microseconds p50{};
  std::chrono::microseconds p95{};
  std::chrono::microseconds p99{};
  std::int64_t failed = 0;
  std::string failure;
};

// Makes a topic and its subscriptions, publishes round and round to the active ones, receives and
// acks, and deletes them again. Each subscription has the filter
// attributes.function="result" AND attributes.machineID="N".
absl::StatusOr<Measurement> run(const Plan& plan);

// Publishes so many messages to one subscription and leaves them there, for a broker to be started
// anew with; returns the seconds.
absl::StatusOr<double> fill(const Plan& plan, std::int64_t messages);
// Receives and acks all that fill() has left, and deletes what it has made. The rate is that of
// what was received.
absl::StatusOr<Measurement> drain(const Plan& plan, std::int64_t messages);

}  // namespace pollbus::bench
