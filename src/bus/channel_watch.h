#pragma once

// Inside src/bus only.

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <mutex>

namespace pollbus {

// Waits for one channel to be connected. Not measured by gRPC's timers, as its own
// WaitForConnected() is: gRPC 1.51 waits for them by the wall clock, so if that is set back by an
// hour, they may stand still for an hour. Thread-safe.
class ChannelWatch {
 public:
  ChannelWatch() = default;
  // The channel must have been destroyed before.
  ~ChannelWatch();
  ChannelWatch(const ChannelWatch&) = delete;
  ChannelWatch& operator=(const ChannelWatch&) = delete;

  // Makes the channel connect. Returns when it is ready, or after `most`; threads that call this at
  // the same time wait one after the other.
  void wait_until_ready(grpc::Channel& channel, std::chrono::milliseconds most);

 private:
  std::mutex mutex_;  // held by the thread that waits
  grpc::CompletionQueue queue_;
  bool is_watching_ = false;  // the queue will tell when the channel's state changes
};

}  // namespace pollbus
