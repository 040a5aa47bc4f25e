#include "broker/service/connection_guard.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/logging.h"
#include "broker/service/http2_inspector.h"

namespace pollbus::broker {
namespace {

// Greater than every descriptor that the listener accepts.
constexpr std::size_t kMaxDescriptors = 16'384;

// An attack is logged at most this often; the counter has all of them.
constexpr std::chrono::seconds kLogInterval{10};

struct Guarded {
  std::uint64_t cookie = 0;
  prometheus::Counter* closed = nullptr;
  Http2Inspector inspector;
};

// By descriptor. An entry is replaced when the descriptor is used by the next connection; until
// then it may be out of date, which its cookie shows.
std::array<std::atomic<Guarded*>, kMaxDescriptors> guarded{};

// A number that the kernel gives to one socket only. Descriptors are used again.
std::uint64_t cookie_of(int descriptor) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  ::getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return cookie;
}

Guarded* find(int descriptor) {
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= kMaxDescriptors) return nullptr;
  Guarded* const entry = guarded[static_cast<std::size_t>(descriptor)].load();
  return entry != nullptr && entry->cookie == cookie_of(descriptor) ? entry : nullptr;
}

void log_now_and_then(const char* reason, SteadyTime now) {
  static std::atomic<SteadyTime> next{SteadyTime::min()};
  SteadyTime due = next.load();
  if (now < due || !next.compare_exchange_strong(due, now + kLogInterval)) return;
  log_warning("a connection was closed because its client may be attacking", {{"reason", reason}});
}

// False when the connection must be closed.
bool passes(Guarded* entry, const msghdr& message, std::size_t bytes) {
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < message.msg_iovlen && bytes > 0; ++i) {
    const iovec& part = message.msg_iov[i];
    const std::size_t size = std::min(part.iov_len, bytes);
    bytes -= size;
    const char* const reason =
        entry->inspector.inspect({static_cast<const char*>(part.iov_base), size}, now);
    if (reason == nullptr) continue;
    entry->closed->Increment();
    log_now_and_then(reason, now);
    return false;
  }
  return true;
}

}  // namespace

void guard_connection(int descriptor, prometheus::Counter& closed) {
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= kMaxDescriptors) return;
  auto entry = std::make_unique<Guarded>();
  entry->cookie = cookie_of(descriptor);
  entry->closed = &closed;
  // Nothing reads the connection before, which is closed.
  const std::unique_ptr<Guarded> old(
      guarded[static_cast<std::size_t>(descriptor)].exchange(entry.release()));
}

}  // namespace pollbus::broker

extern "C" ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  using pollbus::broker::Guarded;
  const auto count = static_cast<ssize_t>(::syscall(SYS_recvmsg, descriptor, message, flags));
  if (count <= 0 || (flags & (MSG_PEEK | MSG_ERRQUEUE)) != 0) return count;
  Guarded* const entry = pollbus::broker::find(descriptor);
  if (entry == nullptr ||
      pollbus::broker::passes(entry, *message, static_cast<std::size_t>(count))) {
    return count;
  }
  errno = ECONNRESET;
  return -1;
}
