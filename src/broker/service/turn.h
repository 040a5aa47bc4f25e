#pragma once

#include <mutex>

namespace pollbus::broker {

// Lets one thread at a time do some work that any thread may ask for, without making other threads
// wait: if a thread asks while the work is being done, the work is done once more. Thread-safe.
class Turn {
 public:
  // If true, the caller must do the work and then call leave(), on any thread. If false, the thread
  // that holds the turn will do the work again.
  bool enter() {
    const std::lock_guard lock(mutex_);
    if (is_taken_) return !(is_wanted_ = true);
    is_taken_ = true;
    return true;
  }
  // If false, the work was asked for again meanwhile, and the caller must do it once more.
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
