#include "bus/completion_thread.h"

#include <grpcpp/alarm.h>
#include <gtest/gtest.h>

#include <future>

namespace pollbus {
namespace {

// An operation that ends at once.
class Operation final : public Completion {
 public:
  explicit Operation(CompletionThread& thread) {
    alarm_.Set(&thread.queue(), gpr_inf_past(GPR_CLOCK_REALTIME), this);
  }
  void done(bool /*ok*/) override { thread_.set_value(std::this_thread::get_id()); }
  // Waits for the end, and returns the thread on which it was reported.
  std::thread::id wait() { return thread_.get_future().get(); }

 private:
  grpc::Alarm alarm_;
  std::promise<std::thread::id> thread_;
};

TEST(CompletionThreadTest, AllUsersShareOneThread) {
  const auto first = CompletionThread::shared();
  const auto second = CompletionThread::shared();
  const auto thread = Operation(*first).wait();
  EXPECT_EQ(Operation(*second).wait(), thread);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST(CompletionThreadTest, ItEndsWithItsLastUserAndStartsAgainWithTheNext) {
  for (int i = 0; i < 2; ++i) {
    const auto thread = CompletionThread::shared();
    EXPECT_EQ(thread.use_count(), 1);
    Operation(*thread).wait();
  }
}

}  // namespace
}  // namespace pollbus
