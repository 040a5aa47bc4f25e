#include "base/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <list>
#include <optional>
#include <ranges>
#include <thread>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/text.h"

namespace pollbus {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxConnections = 512;
constexpr std::size_t kMaxHeadBytes = 8 * 1024;
constexpr int kMaxAccepts = 128;  // in a row, so that open connections get their turn
// From the first to the last byte of a request.
constexpr std::chrono::milliseconds kRequestTimeout{5'000};
// For a client to read the whole response.
constexpr std::chrono::milliseconds kResponseTimeout{10'000};
// After the response, for the client to close: closing first would reset a connection on which the
// client is still sending, and the client would lose the response.
constexpr std::chrono::milliseconds kCloseTimeout{1'000};
// How long to accept nothing when the process has no descriptor left.
constexpr std::chrono::milliseconds kAcceptPause{100};

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

struct Request {
  std::string_view method;
  std::string_view path;  // without the query
  bool has_body = false;
};

bool is_body_header(std::string_view line) {
  std::string name(line.substr(0, line.find(':')));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name == "transfer-encoding") return true;
  if (name != "content-length") return false;
  return parse_integer(line.substr(std::min(line.size(), name.size() + 1))) != 0;
}

// Parses what is before the empty line; std::nullopt if it is not HTTP/1.
std::optional<Request> parse_head(std::string_view head) {
  const std::string_view first = head.substr(0, head.find("\r\n"));
  const std::size_t method_end = first.find(' ');
  const std::size_t target_end = first.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end ||
      !first.substr(target_end + 1).starts_with("HTTP/1."))
    return std::nullopt;
  const std::string_view target = first.substr(method_end + 1, target_end - method_end - 1);
  Request request{.method = first.substr(0, method_end),
                  .path = target.substr(0, target.find('?'))};
  std::string_view rest = head.substr(first.size());
  while (rest.starts_with("\r\n")) {
    rest.remove_prefix(2);
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    request.has_body = request.has_body || is_body_header(line);
    rest.remove_prefix(line.size());
  }
  return request;
}

std::string to_bytes(const HttpResponse& response, bool with_body) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
      response.status, reason_phrase(response.status), response.content_type, response.body.size(),
      response.status == 405 ? "Allow: GET, HEAD\r\n" : "", with_body ? response.body : "");
}

HttpResponse error_response(int status) {
  return {.status = status, .body = fmt::format("{}\n", reason_phrase(status))};
}

std::string respond(std::string_view head, const HttpServer::Handler& handler) {
  const auto request = parse_head(head);
  if (!request) return to_bytes(error_response(400), true);
  const bool is_head = request->method == "HEAD";
  if (!is_head && request->method != "GET") return to_bytes(error_response(405), true);
  if (request->has_body) return to_bytes(error_response(413), !is_head);
  return to_bytes(handler(request->path), !is_head);
}

// One client: reads a request head, writes the response, and waits for the client to close.
class Connection {
 public:
  explicit Connection(Descriptor socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  short events() const { return state_ == State::kWriting ? POLLOUT : POLLIN; }
  SteadyClock::time_point deadline() const { return deadline_; }

  // Does what the socket is ready for. Returns whether the connection is still needed.
  bool advance(const HttpServer::Handler& handler) {
    switch (state_) {
      case State::kReading:
        return read_head(handler);
      case State::kWriting:
        return write_response();
      case State::kClosing:
        return discard();
    }
    return false;
  }

 private:
  enum class State { kReading, kWriting, kClosing };

  bool read_head(const HttpServer::Handler& handler) {
    char buffer[4096];
    const ssize_t count = recv(fd(), buffer, sizeof buffer, 0);
    if (count <= 0) return count < 0 && is_retryable();
    bytes_.append(buffer, static_cast<std::size_t>(count));
    const std::size_t end = bytes_.find("\r\n\r\n");
    if (end == std::string::npos && bytes_.size() <= kMaxHeadBytes) return true;
    bytes_ = end == std::string::npos || end > kMaxHeadBytes
                 ? to_bytes(error_response(431), true)
                 : respond(std::string_view(bytes_).substr(0, end), handler);
    enter(State::kWriting, kResponseTimeout);
    return write_response();
  }

  bool write_response() {
    const ssize_t count = send(fd(), bytes_.data() + sent_, bytes_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0) return is_retryable();
    sent_ += static_cast<std::size_t>(count);
    if (sent_ < bytes_.size()) return true;
    shutdown(fd(), SHUT_WR);
    enter(State::kClosing, kCloseTimeout);
    return true;
  }

  bool discard() {
    char buffer[4096];
    const ssize_t count = recv(fd(), buffer, sizeof buffer, 0);
    return count > 0 || (count < 0 && is_retryable());
  }

  static bool is_retryable() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

  void enter(State state, std::chrono::milliseconds timeout) {
    state_ = state;
    deadline_ = SteadyClock::now() + timeout;
  }

  Descriptor socket_;
  State state_ = State::kReading;
  SteadyClock::time_point deadline_ = SteadyClock::now() + kRequestTimeout;
  std::string bytes_;  // the request so far, then the response
  std::size_t sent_ = 0;
};

absl::Status cannot_listen(const std::string& host, int port, const char* reason) {
  return absl::UnavailableError(fmt::format("HTTP endpoint: cannot listen on {}: {}",
                                            format_host_and_port(host, port), reason));
}

absl::StatusOr<Descriptor> listen_on(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found))
    return cannot_listen(host, port, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
  Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  const int no = 0;
  if (socket.get() >= 0) {
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    // "::" serves IPv4, too, whatever the system's default is.
    if (address->ai_family == AF_INET6)
      setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  }
  if (socket.get() < 0 || bind(socket.get(), address->ai_addr, address->ai_addrlen) != 0 ||
      listen(socket.get(), SOMAXCONN) != 0) {
    const bool has_no_ipv6 = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
    if (host == "::" && has_no_ipv6) return listen_on("0.0.0.0", port);
    return cannot_listen(host, port, std::strerror(errno));
  }
  return socket;
}

int port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

}  // namespace

class HttpServer::Loop {
 public:
  Loop(Descriptor listener, Handler handler)
      : listener_(std::move(listener)),
        port_(port_of(listener_.get())),
        handler_(std::move(handler)),
        thread_([this](std::stop_token stop) { run(stop); }) {}

  ~Loop() {
    thread_.request_stop();
    eventfd_write(wake_.get(), 1);
  }

  int port() const { return port_; }

 private:
  void run(std::stop_token stop) {
    std::vector<pollfd> polled;
    while (!stop.stop_requested()) {
      const auto now = SteadyClock::now();
      connections_.remove_if([&](const Connection& each) { return each.deadline() <= now; });
      polled.clear();
      polled.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
      polled.push_back(
          {.fd = now < accept_from_ ? -1 : listener_.get(), .events = POLLIN, .revents = 0});
      for (const Connection& each : connections_)
        polled.push_back({.fd = each.fd(), .events = each.events(), .revents = 0});
      if (poll(polled.data(), polled.size(), wait_ms(now)) <= 0) continue;
      serve(polled);
      if (polled[1].revents != 0) accept_all();
    }
  }

  // Until the next deadline.
  int wait_ms(SteadyClock::time_point now) const {
    if (now < accept_from_) return static_cast<int>(kAcceptPause.count());
    if (connections_.empty()) return -1;
    const auto next = std::ranges::min(connections_ | std::views::transform(&Connection::deadline));
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
  }

  void serve(const std::vector<pollfd>& polled) {
    auto each = connections_.begin();
    for (std::size_t i = 2; i < polled.size(); ++i) {
      const auto current = each++;
      if (polled[i].revents != 0 && !advance(*current)) connections_.erase(current);
    }
  }

  // Collectors may throw, and this thread must not end.
  bool advance(Connection& connection) {
    try {
      return connection.advance(handler_);
    } catch (const std::exception& error) {
      log_error("HTTP request failed", {{"error", error.what()}});
      return false;
    }
  }

  void accept_all() {
    for (int i = 0; i < kMaxAccepts; ++i) {
      Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() < 0) {
        const bool is_exhausted = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        if (is_exhausted && !connections_.empty()) {
          connections_.pop_front();
          continue;
        }
        if (is_exhausted) accept_from_ = SteadyClock::now() + kAcceptPause;
        return;
      }
      // A new client is more likely to be a probe than one that has been slow for seconds.
      if (connections_.size() == kMaxConnections) connections_.pop_front();
      connections_.emplace_back(std::move(socket));
    }
  }

  Descriptor wake_{eventfd(0, EFD_CLOEXEC)};
  Descriptor listener_;
  const int port_;
  Handler handler_;
  std::list<Connection> connections_;  // the oldest first
  SteadyClock::time_point accept_from_;
  std::jthread thread_;  // last: it uses all of the above
};

HttpServer::HttpServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, int port,
                                                              Handler handler) {
  auto listener = listen_on(host, port);
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<HttpServer>(
      new HttpServer(std::make_unique<Loop>(*std::move(listener), std::move(handler))));
}

int HttpServer::port() const { return loop_->port(); }

}  // namespace pollbus
