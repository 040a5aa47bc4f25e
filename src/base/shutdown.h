#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

namespace pollbus {

// Turns SIGTERM and SIGINT into a stop token. Create one at the beginning of main, before any
// thread starts: it blocks the two signals for the process and waits for them on its own thread. A
// second signal ends the process at once. kShutdownLimit after the first signal, the process ends
// with exit code 0 even if something hangs (a store that does not answer): messages in hand are not
// acked and are delivered again.
class ShutdownSignal {
 public:
  static constexpr std::chrono::milliseconds kShutdownLimit{9'000};

  ShutdownSignal();
  ~ShutdownSignal();
  ShutdownSignal(const ShutdownSignal&) = delete;
  ShutdownSignal& operator=(const ShutdownSignal&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

  // Has the same effect as a signal, without the limit.
  void request() { stop_.request_stop(); }

  // Waits until a stop is requested.
  void wait() const;

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace pollbus
