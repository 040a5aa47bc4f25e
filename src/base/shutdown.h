#pragma once

#include <stop_token>
#include <thread>

namespace pollbus {

// Turns SIGTERM and SIGINT into a stop token. Make one at the top of main, before any thread: it
// blocks the two signals for the process and waits for them on a thread of its own. A second
// signal ends the process at once, for the person who will not wait.
class ShutdownSignal {
 public:
  ShutdownSignal();
  ~ShutdownSignal();
  ShutdownSignal(const ShutdownSignal&) = delete;
  ShutdownSignal& operator=(const ShutdownSignal&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

  // As if the signal had come.
  void request() { stop_.request_stop(); }

  // Waits until a stop is requested.
  void wait() const;

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace pollbus
