#include "base/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>
#include <ranges>
#include <thread>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"
#include "base/http_connection.h"
#include "base/logging.h"
#include "base/text.h"

namespace pollbus {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kMaxAccepts = 128;  // in a row, so that open connections get their turn
// How long to accept nothing when the process has no descriptor left.
constexpr std::chrono::milliseconds kAcceptPause{100};

absl::Status cannot_listen(const std::string& host, int port, const char* reason) {
  return absl::UnavailableError(fmt::format("HTTP endpoint: cannot listen on {}: {}",
                                            format_host_and_port(host, port), reason));
}

absl::StatusOr<FileDescriptor> listen_on(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found))
    return cannot_listen(host, port, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
  FileDescriptor socket(
      ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
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
  Loop(FileDescriptor listener, Handler handler, Limits limits)
      : listener_(std::move(listener)),
        port_(port_of(listener_.get())),
        limits_(limits),
        handler_([this, answer = std::move(handler)](const HttpRequest& request) {
          HttpResponse response = answer(request);
          return response.channel && streams() >= limits_.max_streams ? too_many() : response;
        }),
        thread_([this](std::stop_token stop) { run(stop); }) {}

  ~Loop() {
    thread_.request_stop();
    eventfd_write(wake_.get(), 1);
  }

  int port() const { return port_; }

  void broadcast(std::string_view channel, std::string_view bytes) {
    {
      const std::lock_guard lock(mutex_);
      news_.emplace_back(channel, bytes);
    }
    eventfd_write(wake_.get(), 1);
  }

 private:
  static HttpResponse too_many() {
    HttpResponse response = http_error(503);
    response.headers.emplace_back("Retry-After", "5");
    return response;
  }

  std::size_t streams() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const auto& each) { return !!each.channel(); }));
  }

  void run(std::stop_token stop) {
    std::vector<pollfd> polled;
    while (!stop.stop_requested()) {
      const auto now = SteadyClock::now();
      connections_.remove_if(
          [&](HttpConnection& each) { return each.deadline() <= now && !each.on_deadline(); });
      polled.clear();
      polled.push_back({.fd = wake_.get(), .events = POLLIN, .revents = 0});
      polled.push_back(
          {.fd = now < accept_from_ ? -1 : listener_.get(), .events = POLLIN, .revents = 0});
      for (const HttpConnection& each : connections_)
        polled.push_back({.fd = each.fd(), .events = each.events(), .revents = 0});
      if (poll(polled.data(), polled.size(), wait_ms(now)) <= 0) continue;
      serve(polled);
      if (polled[0].revents != 0) continue_streams();
      if (polled[1].revents != 0) accept_all();
    }
  }

  // Until the next deadline.
  int wait_ms(SteadyClock::time_point now) const {
    if (now < accept_from_) return static_cast<int>(kAcceptPause.count());
    if (connections_.empty()) return -1;
    const auto next =
        std::ranges::min(connections_ | std::views::transform(&HttpConnection::deadline));
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
  }

  void serve(const std::vector<pollfd>& polled) {
    auto each = connections_.begin();
    for (std::size_t i = 2; i < polled.size(); ++i) {
      const auto current = each++;
      if (polled[i].revents != 0 && !advance(*current)) connections_.erase(current);
    }
  }

  void continue_streams() {
    eventfd_t count = 0;
    eventfd_read(wake_.get(), &count);
    std::vector<std::pair<std::string, std::string>> news;
    {
      const std::lock_guard lock(mutex_);
      news.swap(news_);
    }
    for (const auto& [channel, bytes] : news) {
      connections_.remove_if([&](HttpConnection& each) {
        return each.channel() == channel && !each.continue_stream(bytes);
      });
    }
  }

  // Collectors may throw, and this thread must not end.
  bool advance(HttpConnection& connection) {
    try {
      return connection.advance(handler_, limits_.max_body_bytes);
    } catch (const std::exception& error) {
      log_error("HTTP request failed", {{"error", error.what()}});
      return false;
    }
  }

  void accept_all() {
    for (int i = 0; i < kMaxAccepts; ++i) {
      FileDescriptor socket(
          accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() < 0) {
        const bool is_exhausted = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        if (is_exhausted && drop_oldest()) continue;
        if (is_exhausted) accept_from_ = SteadyClock::now() + kAcceptPause;
        return;
      }
      // A new client is more likely to be a probe than one that has been slow for seconds.
      if (connections_.size() >= limits_.max_connections + limits_.max_streams) drop_oldest();
      connections_.emplace_back(std::move(socket));
    }
  }

  // Streams are bounded on their own and are old by nature.
  bool drop_oldest() {
    const auto oldest =
        std::ranges::find_if(connections_, [](const auto& each) { return !each.channel(); });
    if (oldest == connections_.end()) return false;
    connections_.erase(oldest);
    return true;
  }

  FileDescriptor wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  FileDescriptor listener_;
  const int port_;
  const Limits limits_;
  const HttpConnection::Handler handler_;
  std::list<HttpConnection> connections_;  // the oldest first
  SteadyClock::time_point accept_from_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> news_;  // channel and bytes
  std::jthread thread_;                                    // last: it uses all of the above
};

HttpServer::HttpServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& host, int port,
                                                              Handler handler, Limits limits) {
  auto listener = listen_on(host, port);
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<HttpServer>(
      new HttpServer(std::make_unique<Loop>(*std::move(listener), std::move(handler), limits)));
}

int HttpServer::port() const { return loop_->port(); }

void HttpServer::broadcast(std::string_view channel, std::string_view bytes) {
  loop_->broadcast(channel, bytes);
}

}  // namespace pollbus
