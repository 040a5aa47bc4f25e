#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace pollbus {

// Whether a process is ready for its work. It depends on named parts ("redis", "bus"): the process
// is ready when every part is. A part is not ready until ready() is called for it, and a process
// without parts is not ready, because it is still starting. Thread-safe.
class Readiness {
 public:
  explicit Readiness(Clock& clock) : clock_(clock) {}

  // Adds a part that must become ready.
  void expect(std::string_view part);
  // Both log changes only.
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
