#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pollbus::broker {

// What a subscription wants beyond plain delivery; the default is plain.
struct DeliveryRules {
  bool is_ordered = false;
  // An ack counts only while its lease is held.
  bool is_exactly_once = false;
  // A message that was nacked, or whose lease expired, waits so long after its first attempt, twice
  // as long after the next, and so on up to the maximum; 0: it does not wait.
  std::chrono::milliseconds min_backoff{0};
  std::chrono::milliseconds max_backoff{0};
  // After so many attempts a message is for the dead-letter topic; 0: never.
  std::uint32_t max_attempts = 0;
};

inline std::chrono::milliseconds backoff_after(const DeliveryRules& rules, std::uint32_t attempt) {
  std::chrono::milliseconds backoff = rules.min_backoff;
  for (std::uint32_t i = 1; i < attempt && backoff.count() > 0 && backoff < rules.max_backoff;
       ++i) {
    backoff *= 2;
  }
  return std::min(backoff, rules.max_backoff);
}

}  // namespace pollbus::broker
