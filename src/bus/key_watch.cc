#include "bus/key_watch.h"

#include <fmt/format.h>

#include <utility>

namespace pollbus {

KeyWatch::KeyWatch(std::string key, std::string messages, Clock& clock, Readiness& readiness)
    : key_(std::move(key)), messages_(std::move(messages)), clock_(clock), readiness_(readiness) {
  readiness_.ready(key_);
}

void KeyWatch::passed() {
  if (std::exchange(failures_, 0) > 0) readiness_.ready(key_);
}

void KeyWatch::failed() {
  const SteadyTime now = clock_.now();
  if (failures_++ == 0) first_failure_ = now;
  if (failures_ < kLeastFailures || now - first_failure_ < kPatience) return;
  readiness_.not_ready(
      key_, fmt::format("all {} messages \"{}\" since the last authentic one failed their "
                        "authentication: {} does not fit the keys of the senders, or the messages "
                        "were forged",
                        failures_, messages_, key_));
}

}  // namespace pollbus
