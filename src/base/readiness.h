#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pollbus {

// What a process needs to do its work, part by part ("redis", "bus"): the process is ready when
// each part is, and there is one: whoever asks while it starts is told no. A part not heard of yet
// is not ready. Thread-safe.
class Readiness {
 public:
  explicit Readiness(Clock& clock) : clock_(clock) {}

  // Names a part that must become ready first.
  void expect(std::string_view part);
  // Both log a change, once.
  void ready(std::string_view part);
  void not_ready(std::string_view part, std::string_view reason);

  bool all_ready() const;
  // {"ready":false,"parts":{"redis":{"ready":false,"reason":"…","since_seconds":3}}}
  std::string json() const;

 private:
  struct Part {
    bool ready = false;
    std::string reason = "starting";
    SteadyTime since;
  };

  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Part, std::less<>> parts_;
};

}  // namespace pollbus
