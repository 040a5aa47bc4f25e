#include "base/shutdown.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>

#include "base/logging.h"

namespace pollbus {
namespace {

constexpr int kExitInterrupted = 130;
// How long the waiting thread may take to notice that the process ends without a signal.
constexpr timespec kSignalPoll{.tv_sec = 0, .tv_nsec = 50'000'000};

sigset_t shutdown_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

ShutdownSignal::ShutdownSignal() {
  const sigset_t signals = shutdown_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that hangs up is an error code here, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  waiter_ = std::jthread([this, signals](std::stop_token done) {
    std::optional<std::chrono::steady_clock::time_point> limit;
    while (!done.stop_requested()) {
      if (limit && std::chrono::steady_clock::now() > *limit) {
        log_warning("could not finish what was in hand; it will be delivered again");
        _exit(0);
      }
      const int received = sigtimedwait(&signals, nullptr, &kSignalPoll);
      if (received < 0) continue;
      if (stop_.stop_requested()) _exit(kExitInterrupted);
      log_info("stop requested", {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}});
      stop_.request_stop();
      limit = std::chrono::steady_clock::now() + kShutdownLimit;
    }
  });
}

ShutdownSignal::~ShutdownSignal() = default;

void ShutdownSignal::wait() const {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop_.get_token(), [] { return false; });
}

}  // namespace pollbus
