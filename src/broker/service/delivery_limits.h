#pragma once

#include <chrono>
#include <cstddef>

namespace pollbus::broker {

// The size of one response, streamed or pulled. A single message may be larger, up to the limit of
// a publish.
constexpr std::size_t kMaxResponseMessages = 1'000;
constexpr std::size_t kMaxResponseBytes = 3 << 20;

// How long a pull waits for its first message.
constexpr std::chrono::seconds kMaxPullWait{10};

}  // namespace pollbus::broker
