#include "base/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <iterator>
#include <list>
#include <mutex>
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
// How often connections are looked through for deadlines, which are seconds.
constexpr std::chrono::milliseconds kDeadlineCheck{100};
constexpr int kMaxEvents = 256;  // taken at once

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

// For what else the process has open.
constexpr rlim_t kOtherDescriptors = 128;

// Most systems give a process 1,024 descriptors unless it asks for more. With too few, connections
// are closed to make room.
void allow_descriptors(rlim_t connections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = std::min(limit.rlim_max, connections + kOtherDescriptors);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
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
        }) {
    watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, &wake_);
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN, &listener_);
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  }

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
  // A connection, and what it is watched for.
  struct Client {
    HttpConnection connection;
    short events;
    std::list<Client>::iterator self;
  };

  static HttpResponse too_many() {
    HttpResponse response = http_error(503);
    response.headers.emplace_back("Retry-After", "5");
    return response;
  }

  std::size_t streams() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        clients_, [](const auto& each) { return !!each.connection.channel(); }));
  }

  // The values of EPOLLIN and EPOLLOUT are those of POLLIN and POLLOUT.
  void watch(int operation, int fd, int events, void* what) const {
    epoll_event event{.events = static_cast<std::uint32_t>(events), .data = {.ptr = what}};
    epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void run(std::stop_token stop) {
    epoll_event ready[kMaxEvents];
    while (!stop.stop_requested()) {
      const auto now = SteadyClock::now();
      if (now >= next_check_) check_deadlines(now);
      const int count = epoll_wait(epoll_.get(), ready, kMaxEvents, wait_ms());
      bool has_news = false;
      bool has_new_clients = false;
      for (int i = 0; i < count; ++i) {
        if (ready[i].data.ptr == &wake_) {
          has_news = true;
        } else if (ready[i].data.ptr == &listener_) {
          has_new_clients = true;
        } else {
          serve(*static_cast<Client*>(ready[i].data.ptr));
        }
      }
      // Afterwards, because both may end connections that are ready.
      if (has_news) continue_streams();
      if (has_new_clients) accept_all();
    }
  }

  void check_deadlines(SteadyClock::time_point now) {
    next_check_ = now + kDeadlineCheck;
    for (auto each = clients_.begin(); each != clients_.end();) {
      Client& client = *each++;
      if (client.connection.deadline() > now) continue;
      keep_if(client, client.connection.on_deadline());
    }
    if (is_accepting_ || now < accept_from_) return;
    is_accepting_ = true;
    watch(EPOLL_CTL_MOD, listener_.get(), EPOLLIN, &listener_);
  }

  int wait_ms() const {
    return clients_.empty() && is_accepting_ ? -1 : static_cast<int>(kDeadlineCheck.count());
  }

  void serve(Client& client) { keep_if(client, advance(client.connection)); }

  // Ends the connection if it is not needed any more.
  void keep_if(Client& client, bool is_needed) {
    if (!is_needed) {
      clients_.erase(client.self);
    } else if (client.events != client.connection.events()) {
      client.events = client.connection.events();
      watch(EPOLL_CTL_MOD, client.connection.fd(), client.events, &client);
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
      for (auto each = clients_.begin(); each != clients_.end();) {
        Client& client = *each++;
        if (client.connection.channel() == channel)
          keep_if(client, client.connection.continue_stream(bytes));
      }
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
        if (is_exhausted) pause_accepting();
        return;
      }
      // A new client is more likely to be a probe than one that has been slow for seconds.
      if (clients_.size() >= limits_.max_connections + limits_.max_streams) drop_oldest();
      Client& client = clients_.emplace_back(
          Client{.connection = HttpConnection(std::move(socket), limits_.kept_for)});
      client.self = std::prev(clients_.end());
      client.events = client.connection.events();
      watch(EPOLL_CTL_ADD, client.connection.fd(), client.events, &client);
    }
  }

  void pause_accepting() {
    accept_from_ = SteadyClock::now() + kAcceptPause;
    is_accepting_ = false;
    watch(EPOLL_CTL_MOD, listener_.get(), 0, &listener_);
  }

  // Streams are bounded on their own and are old by nature.
  bool drop_oldest() {
    auto oldest = std::ranges::find_if(
        clients_, [](const Client& each) { return each.connection.is_kept(); });
    if (oldest == clients_.end())
      oldest = std::ranges::find_if(clients_,
                                    [](const Client& each) { return !each.connection.channel(); });
    if (oldest == clients_.end()) return false;
    clients_.erase(oldest);
    return true;
  }

  FileDescriptor epoll_{epoll_create1(EPOLL_CLOEXEC)};
  FileDescriptor wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  FileDescriptor listener_;
  const int port_;
  const Limits limits_;
  const HttpConnection::Handler handler_;
  std::list<Client> clients_;  // the oldest first
  SteadyClock::time_point next_check_;
  SteadyClock::time_point accept_from_;
  bool is_accepting_ = true;
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
  allow_descriptors(limits.max_connections + limits.max_streams);
  return std::unique_ptr<HttpServer>(
      new HttpServer(std::make_unique<Loop>(*std::move(listener), std::move(handler), limits)));
}

int HttpServer::port() const { return loop_->port(); }

void HttpServer::broadcast(std::string_view channel, std::string_view bytes) {
  loop_->broadcast(channel, bytes);
}

}  // namespace pollbus
