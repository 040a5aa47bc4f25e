#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace pollbus::broker {

// Runs tasks that may block, each not before its time, on a fixed number of threads, which are
// started with the first task. Thread-safe.
class DelayedTasks {
 public:
  // Borrows `clock`.
  DelayedTasks(Clock& clock, std::size_t threads) : clock_(clock), thread_count_(threads) {}
  ~DelayedTasks() { stop(); }

  void post(SteadyTime at, std::function<void()> task);
  // Drops what has not begun, and returns when nothing runs any more; calls `abort` again and again
  // until then. No task may call it.
  void stop(const std::function<void()>& abort = [] {});

 private:
  void run(std::stop_token stop);

  Clock& clock_;
  const std::size_t thread_count_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<SteadyTime, std::function<void()>> tasks_;
  std::size_t running_ = 0;
  bool is_stopped_ = false;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace pollbus::broker
