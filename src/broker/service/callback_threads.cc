#include "broker/service/callback_threads.h"

#include <dlfcn.h>
#include <grpc/grpc.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace pollbus::broker {
namespace {

// How long events may wait for a callback that takes long.
constexpr std::chrono::milliseconds kMaxCallbackTime{100};

std::atomic<bool> is_in_use = false;

// The thread that waits for events. gRPC has one queue for callbacks at a time. Thread-safe.
class Waiter {
 public:
  // Returns when no other thread waits for events, and makes the caller the one that does.
  void begin() {
    std::unique_lock lock(mutex_);
    if (is_there_) {
      do {
        left_.wait_for(lock, kMaxCallbackTime);
      } while (is_there_);
    }
    is_there_ = true;
  }
  // `is_last`: there will be no more events.
  void end(bool is_last) {
    const std::lock_guard lock(mutex_);
    is_there_ = false;
    if (is_last) left_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  bool is_there_ = false;
};

// Whether gRPC has started this thread to run callbacks.
bool is_thread_for_callbacks() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return std::string_view(name.data()) == "nexting_thread";
}

}  // namespace

void use_one_callback_thread() { is_in_use = true; }

}  // namespace pollbus::broker

// Takes the place of gRPC's function in this process, also for libraries, and calls the real one.
// After the deadline, a thread for callbacks would sleep for 100 ms, so it gets another one.
extern "C" grpc_event grpc_completion_queue_next(grpc_completion_queue* queue,
                                                 gpr_timespec deadline, void* reserved) {
  using Next = grpc_event (*)(grpc_completion_queue*, gpr_timespec, void*);
  static const auto next = reinterpret_cast<Next>(::dlsym(RTLD_NEXT, "grpc_completion_queue_next"));
  thread_local const bool is_for_callbacks = pollbus::broker::is_thread_for_callbacks();
  if (!pollbus::broker::is_in_use || !is_for_callbacks) return next(queue, deadline, reserved);
  static pollbus::broker::Waiter waiter;
  waiter.begin();
  const grpc_event event = next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), reserved);
  waiter.end(event.type == GRPC_QUEUE_SHUTDOWN);
  return event;
}
