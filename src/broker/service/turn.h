#pragma once

#include <mutex>

namespace pollbus::broker {

// Lets one thread at a time do a piece of work that any thread may ask for, without making the
// others wait: who comes while it is being done has it done once more. Thread-safe.
class Turn {
 public:
  // True: the caller does the work and then calls leave(), on any thread. False: whoever is at it
  // will see to what the caller came for.
  bool enter() {
    const std::lock_guard lock(mutex_);
    if (is_taken_) return !(is_wanted_ = true);
    is_taken_ = true;
    return true;
  }
  // False: it was asked for again, and the caller goes on.
  bool leave() {
    const std::lock_guard lock(mutex_);
    if (is_wanted_) return is_wanted_ = false;
    is_taken_ = false;
    return true;
  }

 private:
  std::mutex mutex_;
  bool is_taken_ = false;
  bool is_wanted_ = false;
};

}  // namespace pollbus::broker
