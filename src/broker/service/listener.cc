#include "broker/service/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

constexpr int kBacklog = 4'096;
// Connections that are open at a time. More would take memory and descriptors from the rest.
constexpr std::size_t kMaxConnections = 10'000;
// Descriptors that connections may not use: RocksDB's files, the HTTP endpoint, push requests. At
// most half of what the process may have.
constexpr std::size_t kReservedDescriptors = 512;
// How long a probe waits for a server that does not speak first to close the connection.
constexpr std::chrono::milliseconds kRefusalTimeout{200};
// What a client of HTTP/2 sends first (RFC 9113, 3.4).
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// How long the listener waits when it is out of descriptors all the same.
constexpr std::chrono::milliseconds kExhaustedPause{100};
// A refused connection is logged at most this often.
constexpr std::chrono::seconds kRefusalLogInterval{10};

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.release()) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

std::string reason() { return std::strerror(errno); }

void set_port(Address* address, int port) {
  const auto number = htons(static_cast<std::uint16_t>(port));
  if (address->storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(address->storage).sin_port = number;
  } else {
    reinterpret_cast<sockaddr_in6&>(address->storage).sin6_port = number;
  }
}

int port_of(const Address& address) {
  return ntohs(address.storage.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in&>(address.storage).sin_port
                   : reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port);
}

Address wildcard() {
  Address address{.size = sizeof(sockaddr_in6)};
  address.storage.ss_family = AF_INET6;  // in6addr_any is all zeros
  return address;
}

bool is_wildcard(const Address& address) {
  if (address.storage.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr.s_addr == INADDR_ANY;
  }
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr);
}

bool is_loopback(const Address& address) {
  if (address.storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  }
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr);
}

absl::StatusOr<std::vector<Address>> resolve(const std::string& host) {
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  const std::string name = is_bracketed ? host.substr(1, host.size() - 2) : host;
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found); error != 0) {
    return absl::UnavailableError(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.size = each->ai_addrlen;
  }
  if (addresses.empty()) return absl::UnavailableError("the host has no address");
  return addresses;
}

absl::StatusOr<Descriptor> listen_on(const Address& address) {
  Descriptor listening(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  const int off = 0;
  if (listening.get() < 0) return absl::UnavailableError(reason());
  ::setsockopt(listening.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.storage.ss_family == AF_INET6) {
    ::setsockopt(listening.get(), IPPROTO_IPV6, IPV6_V6ONLY, is_wildcard(address) ? &off : &on,
                 sizeof(on));
  }
  if (::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) !=
          0 ||
      ::listen(listening.get(), kBacklog) != 0) {
    return absl::UnavailableError(reason());
  }
  return listening;
}

Address name_of(int socket) {
  Address address{.size = sizeof(sockaddr_storage)};
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

// The highest number that a connection's descriptor may have. The kernel gives out the lowest free
// number, so a higher one means that as many are in use.
int highest_descriptor() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto most = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t reserved = std::min(kReservedDescriptors, most / 2);
  return static_cast<int>(std::min(most - reserved, kMaxConnections + reserved));
}

// Whether there is something to read, or the end, before the timeout.
bool is_readable(int socket, std::chrono::milliseconds timeout) {
  pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(timeout.count())) > 0;
}

absl::StatusOr<Descriptor> start_to_connect(const Address& address) {
  Descriptor connection(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connection.get() < 0) return absl::UnavailableError(reason());
  const auto* to = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::connect(connection.get(), to, address.size) != 0 && errno != EINPROGRESS) {
    return absl::UnavailableError(reason());
  }
  return connection;
}

// Begins to connect to the address of a listening socket.
absl::StatusOr<Descriptor> connect_to(Address address) {
  // To connect to the unspecified address means to connect to this machine.
  auto connection = start_to_connect(address);
  if (connection.ok() || address.storage.ss_family != AF_INET6 || !is_wildcard(address)) {
    return connection;
  }
  // A machine without IPv6, on which a wildcard of IPv6 can listen all the same.
  static constexpr in6_addr kLoopbackOfIpv4{
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}}};
  reinterpret_cast<sockaddr_in6&>(address.storage).sin6_addr = kLoopbackOfIpv4;
  return start_to_connect(address);
}

// Sends the preface of HTTP/2 when the connection is open.
absl::Status greet(int socket) {
  pollfd waiting{.fd = socket, .events = POLLOUT, .revents = 0};
  const auto timeout = static_cast<int>(Listener::kProbeTimeout.count());
  if (::poll(&waiting, 1, timeout) <= 0) {
    return absl::UnavailableError("the API's port does not answer");
  }
  const auto size = static_cast<ssize_t>(kPreface.size());
  if (::send(socket, kPreface.data(), kPreface.size(), MSG_NOSIGNAL) != size) {
    return absl::UnavailableError(reason());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::open(const std::string& host, int port,
                                                         prometheus::Registry& metrics) {
  auto addresses = resolve(host);
  if (!addresses.ok()) return addresses.status();
  if (is_wildcard(addresses->front())) {
    // Both families; a machine without IPv6 has the address that was asked for.
    addresses->insert(addresses->begin(), wildcard());
  }
  std::vector<Descriptor> sockets;
  absl::Status status;
  for (Address& address : *addresses) {
    // The first socket has taken the port in both families.
    if (!sockets.empty() && is_wildcard(address)) continue;
    set_port(&address, port);
    auto listening = listen_on(address);
    if (!listening.ok()) {
      status = listening.status();
      // A host like localhost may also have an address of a family that is switched off.
      if (absl::StrContains(status.message(), std::strerror(EADDRINUSE))) return status;
      continue;
    }
    if (port == 0) port = port_of(name_of(listening->get()));
    sockets.push_back(*std::move(listening));
  }
  if (sockets.empty()) return status;
  std::vector<int> owned;
  bool are_loopback = true;
  for (Descriptor& socket : sockets) {
    are_loopback = are_loopback && broker::is_loopback(name_of(socket.get()));
    owned.push_back(socket.release());
  }
  return std::unique_ptr<Listener>(new Listener(std::move(owned), port, are_loopback, metrics));
}

Listener::Listener(std::vector<int> sockets, int port, bool is_loopback,
                   prometheus::Registry& metrics)
    : sockets_(std::move(sockets)),
      wake_(::eventfd(0, EFD_CLOEXEC)),
      port_(port),
      is_loopback_(is_loopback),
      highest_descriptor_(highest_descriptor()),
      refused_(counter(metrics, "broker_refused_connections_total",
                       "Connections closed at once because too many were open")),
      attacks_(counter(metrics, "broker_attacking_connections_total",
                       "Connections closed because the client broke a limit of HTTP/2 frames")) {}

Listener::~Listener() {
  stop();
  if (wake_ >= 0) ::close(wake_);
}

void Listener::start(bool encrypted, Accepted accepted) {
  if (encrypted) tls_guard_.emplace(attacks_);
  accepted_ = std::move(accepted);
  thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void Listener::guard(int descriptor) {
  if (!tls_guard_) guard_connection(descriptor, attacks_);
}

void Listener::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    const std::uint64_t one = 1;
    if (::write(wake_, &one, sizeof(one)) < 0) {
      log_error("cannot wake the listener", {{"error", reason()}});
    }
    thread_.join();
  }
  for (const int socket : std::exchange(sockets_, {})) ::close(socket);
}

void Listener::run(std::stop_token stop) {
  std::vector<pollfd> waiting{{.fd = wake_, .events = POLLIN, .revents = 0}};
  for (const int socket : sockets_) waiting.push_back({socket, POLLIN, 0});
  while (!stop.stop_requested()) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;  // EINTR
    for (const pollfd& ready : std::span(waiting).subspan(1)) {
      if (ready.revents == 0 || accept_from(ready.fd)) continue;
      // Until then the connection waits in the kernel.
      ::poll(waiting.data(), 1, static_cast<int>(kExhaustedPause.count()));
    }
  }
}

bool Listener::accept_from(int socket) {
  const int descriptor = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) {
    return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  }
  if (descriptor > highest_descriptor_) {
    refuse(descriptor);
    return true;
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  accepted_(descriptor);
  return true;
}

void Listener::refuse(int descriptor) {
  ::close(descriptor);
  refused_.Increment();
  const auto now = std::chrono::steady_clock::now();
  if (now - refusal_logged_ < kRefusalLogInterval) return;
  refusal_logged_ = now;
  log_warning("too many connections are open: a new one was closed",
              {{"refused", static_cast<std::int64_t>(refused_.Value())}});
}

absl::Status Listener::probe(bool greets) const {
  if (sockets_.empty()) return absl::UnavailableError("the API's port is closed");
  ASSIGN_OR_RETURN(const Descriptor connection, connect_to(name_of(sockets_.front())));
  if (greets) RETURN_IF_ERROR(greet(connection.get()));
  if (!is_readable(connection.get(), greets ? kProbeTimeout : kRefusalTimeout)) {
    return greets ? absl::UnavailableError("the API's port does not answer") : absl::OkStatus();
  }
  char first = 0;
  const ssize_t count = ::recv(connection.get(), &first, 1, 0);
  if (count > 0) return absl::OkStatus();
  return absl::UnavailableError(count == 0 ? "the API's port closes connections" : reason());
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted =
      std::min<rlim_t>(limit.rlim_max, kMaxConnections + 2 * kReservedDescriptors);
  if (limit.rlim_cur < wanted) {
    const rlimit raised{.rlim_cur = wanted, .rlim_max = limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace pollbus::broker
