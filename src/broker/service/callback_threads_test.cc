#include "broker/service/callback_threads.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace pollbus::broker {
namespace {

// A queue whose events are handled by two threads, as gRPC's callbacks are.
class CallbackThreadsTest : public ::testing::Test {
 protected:
  CallbackThreadsTest() {
    use_one_callback_thread();
    for (std::thread& thread : threads_) thread = std::thread([this] { run(); });
  }
  ~CallbackThreadsTest() override {
    go_on();
    queue_.Shutdown();
    for (std::thread& thread : threads_) thread.join();
  }

  void post() { alarms_.emplace_back().Set(&queue_, gpr_inf_past(GPR_CLOCK_REALTIME), nullptr); }
  // Makes the next event's handler wait for go_on().
  void hold_next() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    is_held_ = false;
    changed_.notify_all();
  }
  void wait_for(std::size_t events) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return handlers_.size() == events; });
  }
  std::size_t changes_of_thread() {
    const std::lock_guard lock(mutex_);
    std::size_t changes = 0;
    for (std::size_t i = 1; i < handlers_.size(); ++i) changes += handlers_[i] != handlers_[i - 1];
    return changes;
  }

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "nexting_thread");
    while (true) {
      const grpc_event event =
          grpc_completion_queue_next(queue_.cq(), gpr_time_from_seconds(1, GPR_TIMESPAN), nullptr);
      if (event.type == GRPC_QUEUE_SHUTDOWN) return;
      // What a C++ event does when it is taken from its queue.
      void* tag = event.tag;
      bool ok = event.success != 0;
      static_cast<grpc::internal::CompletionQueueTag*>(event.tag)->FinalizeResult(&tag, &ok);
      std::unique_lock lock(mutex_);
      handlers_.push_back(std::this_thread::get_id());
      changed_.notify_all();
      if (handlers_.size() == 1) changed_.wait(lock, [this] { return !is_held_; });
    }
  }

  grpc::CompletionQueue queue_;
  std::list<grpc::Alarm> alarms_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;
  std::vector<std::thread::id> handlers_;  // of each event
  std::array<std::thread, 2> threads_;
};

// The other thread may take over whenever this one is in a callback, but only now and then.
TEST_F(CallbackThreadsTest, ThreadsDoNotTakeTurns) {
  constexpr std::size_t kEvents = 1'000;
  for (std::size_t i = 1; i <= kEvents; ++i) {
    post();
    wait_for(i);
  }
  EXPECT_LT(changes_of_thread(), kEvents / 10);
}

TEST_F(CallbackThreadsTest, AnotherThreadHandlesEventsDuringACallbackThatTakesLong) {
  hold_next();
  post();
  wait_for(1);
  post();
  wait_for(2);
  EXPECT_EQ(changes_of_thread(), 1);
}

}  // namespace
}  // namespace pollbus::broker
