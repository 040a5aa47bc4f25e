#include "broker/service/connection_guard.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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
#include <mutex>
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

// --- TLS -----------------------------------------------------------------------------------------

std::mutex tls_mutex;
prometheus::Counter* tls_closed = nullptr;  // under tls_mutex; the counter of the last TlsGuard
std::atomic<bool> guards_tls = false;

// The place of an SSL object where its inspector is. OpenSSL frees it with the object.
int inspector_index() {
  static const int index = SSL_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void* /*parent*/, void* inspector, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argl*/,
         void* /*argp*/) { delete static_cast<Http2Inspector*>(inspector); });
  return index;
}

bool serves_http2(const SSL* ssl) {
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  return SSL_is_server(ssl) == 1 && size > 0 &&
         std::string_view(reinterpret_cast<const char*>(protocol), size) == "h2";
}

// nullptr if the connection is not guarded. One thread at a time reads a connection.
Http2Inspector* inspector_of(SSL* ssl) {
  if (!guards_tls || !serves_http2(ssl)) return nullptr;
  if (void* const found = SSL_get_ex_data(ssl, inspector_index()); found != nullptr) {
    return static_cast<Http2Inspector*>(found);
  }
  auto inspector = std::make_unique<Http2Inspector>();
  if (SSL_set_ex_data(ssl, inspector_index(), inspector.get()) != 1) return nullptr;
  return inspector.release();
}

void count_closed_tls() {
  const std::lock_guard lock(tls_mutex);
  if (tls_closed != nullptr) tls_closed->Increment();
}

// False when the connection must be closed.
bool passes(SSL* ssl, std::string_view bytes) {
  Http2Inspector* const inspector = inspector_of(ssl);
  if (inspector == nullptr) return true;
  const auto now = std::chrono::steady_clock::now();
  const char* const reason = inspector->inspect(bytes, now);
  if (reason == nullptr) return true;
  count_closed_tls();
  log_now_and_then(reason, now);
  return false;
}

}  // namespace

TlsGuard::TlsGuard(prometheus::Counter& closed) : closed_(closed) {
  const std::lock_guard lock(tls_mutex);
  tls_closed = &closed;
  guards_tls = true;
}

TlsGuard::~TlsGuard() {
  const std::lock_guard lock(tls_mutex);
  if (tls_closed == &closed_) tls_closed = nullptr;
}

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

extern "C" int SSL_read(SSL* ssl, void* buffer, int size) {
  using Read = int (*)(SSL*, void*, int);
  static const auto read = reinterpret_cast<Read>(::dlsym(RTLD_NEXT, "SSL_read"));
  const int count = read(ssl, buffer, size);
  if (count <= 0 || pollbus::broker::passes(
                        ssl, {static_cast<const char*>(buffer), static_cast<std::size_t>(count)})) {
    return count;
  }
  // What SSL_get_error() then reports is a failure of the connection.
  ERR_raise(ERR_LIB_SSL, ERR_R_PASSED_INVALID_ARGUMENT);
  return -1;
}
