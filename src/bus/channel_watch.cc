#include "bus/channel_watch.h"

#include <grpc/support/time.h>

#include <utility>

namespace pollbus {
namespace {

gpr_timespec after(std::chrono::milliseconds time) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(time.count(), GPR_TIMESPAN));
}

}  // namespace

// When the channel is destroyed its state changes, which ends the watch.
ChannelWatch::~ChannelWatch() {
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) continue;
}

void ChannelWatch::wait_until_ready(grpc::Channel& channel, std::chrono::milliseconds most) {
  const std::lock_guard lock(mutex_);
  const gpr_timespec deadline = after(most);
  while (true) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return;
    if (!std::exchange(is_watching_, true))
      channel.NotifyOnStateChange(state, gpr_inf_future(GPR_CLOCK_MONOTONIC), &queue_, this);
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return;
    is_watching_ = false;
  }
}

}  // namespace pollbus
