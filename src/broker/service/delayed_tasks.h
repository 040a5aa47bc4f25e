#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace pollbus::broker {

// Runs tasks that may block on a fixed number of threads, each task not before its time. The
// threads are started with the first task. A task must not throw. Thread-safe.
class DelayedTasks {
 public:
  // Borrows `clock`.
  DelayedTasks(Clock& clock, std::size_t threads) : clock_(clock), thread_count_(threads) {}
  ~DelayedTasks() { stop(); }

  void post(SteadyTime at, std::function<void()> task);
  // Drops the tasks that have not begun, and returns when no task runs any more. Calls `abort`
  // repeatedly until then. A task must not call it.
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
