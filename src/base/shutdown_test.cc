#include "base/shutdown.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>

namespace pollbus {
namespace {

// Signals concern the whole process, so each test runs in a child process.
int exit_status_of_child(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a child that hangs ends by SIGALRM
    _exit(work());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

constexpr int kFine = 42;

class ShutdownSignalTest : public ::testing::TestWithParam<int> {};

TEST_P(ShutdownSignalTest, ASignalBecomesAStopRequest) {
  EXPECT_EQ(exit_status_of_child([] {
              const ShutdownSignal shutdown;
              if (shutdown.token().stop_requested()) return 1;
              kill(getpid(), GetParam());
              shutdown.wait();
              return shutdown.token().stop_requested() ? kFine : 2;
            }),
            kFine);
}

TEST_P(ShutdownSignalTest, ASecondSignalEndsTheProcessAtOnce) {
  EXPECT_EQ(exit_status_of_child([] {
              const ShutdownSignal shutdown;
              kill(getpid(), GetParam());
              shutdown.wait();
              kill(getpid(), GetParam());
              while (true) pause();
              return 1;
            }),
            130);
}

INSTANTIATE_TEST_SUITE_P(OfBothKinds, ShutdownSignalTest, ::testing::Values(SIGTERM, SIGINT),
                         [](const auto& signal) {
                           return signal.param == SIGTERM ? "SigTerm" : "SigInt";
                         });

TEST(ShutdownTest, ARequestStopsLikeASignal) {
  EXPECT_EQ(exit_status_of_child([] {
              ShutdownSignal shutdown;
              shutdown.request();
              shutdown.wait();
              return shutdown.token().stop_requested() ? kFine : 1;
            }),
            kFine);
}

TEST(ShutdownTest, AProcessThatHangsAfterTheSignalIsEnded) {
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(exit_status_of_child([] {
              const ShutdownSignal shutdown;
              kill(getpid(), SIGTERM);
              while (true) pause();
              return 1;
            }),
            0);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, ShutdownSignal::kShutdownLimit);
}

TEST(ShutdownTest, AProcessWithoutASignalEndsWithoutDelay) {
  EXPECT_EQ(exit_status_of_child([] {
              { const ShutdownSignal shutdown; }
              return kFine;
            }),
            kFine);
}

TEST(ShutdownTest, APeerThatHangsUpDoesNotEndTheProcess) {
  EXPECT_EQ(exit_status_of_child([] {
              const ShutdownSignal shutdown;
              int ends[2];
              if (pipe(ends) != 0) return 1;
              close(ends[0]);
              return write(ends[1], "x", 1) < 0 ? kFine : 2;
            }),
            kFine);
}

}  // namespace
}  // namespace pollbus
