#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

namespace pollbus {

// Turns SIGTERM and SIGINT into a stop token. Make one at the top of main, before any thread: it
// blocks the two signals for the process and waits for them on a thread of its own. A second
// signal ends the process at once, for the person who will not wait; and so does, with exit code 0,
// kShutdownLimit after the first, whatever still hangs then (a store that does not answer): what is
// in hand is not acked, and will be delivered again.
class ShutdownSignal {
 public:
  static constexpr std::chrono::milliseconds kShutdownLimit{9'000};

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
