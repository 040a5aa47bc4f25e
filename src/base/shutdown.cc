#include "base/shutdown.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/logging.h"

namespace pollbus {
namespace {

using std::chrono::steady_clock;

constexpr int kExitInterrupted = 130;

sigset_t shutdown_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// For poll(): until `limit`, or without end.
int wait_ms(const std::optional<steady_clock::time_point>& limit) {
  if (!limit) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*limit - steady_clock::now());
  return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

}  // namespace

ShutdownSignal::ShutdownSignal() {
  const sigset_t signals = shutdown_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Writing to a closed connection must fail with an error instead of ending the process.
  signal(SIGPIPE, SIG_IGN);
  const int received_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  const int done_fd = eventfd(0, EFD_CLOEXEC);
  waiter_ = std::jthread([this, received_fd, done_fd](std::stop_token done) {
    {
      const std::stop_callback wake(done, [done_fd] { eventfd_write(done_fd, 1); });
      std::optional<steady_clock::time_point> limit;
      while (!done.stop_requested()) {
        pollfd polled[] = {{.fd = received_fd, .events = POLLIN, .revents = 0},
                           {.fd = done_fd, .events = POLLIN, .revents = 0}};
        if (poll(polled, 2, wait_ms(limit)) == 0) {
          log_warning("could not finish the work in hand in time; it will be delivered again");
          _exit(0);
        }
        signalfd_siginfo received{};
        if (polled[0].revents == 0 || read(received_fd, &received, sizeof received) <= 0) continue;
        if (stop_.stop_requested()) _exit(kExitInterrupted);
        log_info("stop requested",
                 {{"signal", received.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"}});
        limit = steady_clock::now() + kShutdownLimit;
        stop_.request_stop();
      }
    }
    close(received_fd);
    close(done_fd);
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
