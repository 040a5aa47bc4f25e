#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pollbus::broker {

// The delivery features of a subscription. By default all are off.
struct DeliveryRules {
  bool is_ordered = false;
  // An ack counts only if it is for the current lease.
  bool is_exactly_once = false;
  // After a nack or an expired lease a message waits for min_backoff before its second attempt, and
  // twice as long before each further one, up to max_backoff; 0: it does not wait.
  std::chrono::milliseconds min_backoff{0};
  std::chrono::milliseconds max_backoff{0};
  // After this many attempts a message goes to the dead-letter topic; 0: never.
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
