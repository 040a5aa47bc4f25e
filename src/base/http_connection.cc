#include "base/http_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <variant>

namespace pollbus {
namespace {

constexpr std::size_t kMaxHeadBytes = 8 * 1024;
// From the first to the last byte of a request.
constexpr std::chrono::milliseconds kRequestTimeout{5'000};
// For a client to read the whole response, or what a stream was continued with.
constexpr std::chrono::milliseconds kResponseTimeout{10'000};
// After the response, for the client to close: closing first would reset a connection on which the
// client is still sending, and the client would lose the response.
constexpr std::chrono::milliseconds kCloseTimeout{1'000};
// Proxies end a stream on which nothing happens for a minute or so.
constexpr std::chrono::milliseconds kHeartbeat{15'000};
constexpr std::string_view kComment = ":\n\n";
// What a client may have left unread before it is disconnected.
constexpr std::size_t kMaxStreamBacklogBytes = 256 * 1024;

bool is_retryable() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

HttpConnection::SteadyClock::time_point HttpConnection::first_deadline() {
  return SteadyClock::now() + kRequestTimeout;
}

short HttpConnection::events() const {
  switch (state_) {
    case State::kWriting:
      return POLLOUT;
    case State::kStreaming:
      return sent_ < bytes_.size() ? POLLIN | POLLOUT : POLLIN;
    default:
      return POLLIN;
  }
}

bool HttpConnection::advance(const Handler& handler, std::size_t max_body_bytes) {
  switch (state_) {
    case State::kKept:
      enter(State::kReading, kRequestTimeout);
      [[fallthrough]];
    case State::kReading:
      return read_request(handler, max_body_bytes);
    case State::kWriting:
      return write();
    case State::kStreaming:
      return discard() && write();
    case State::kClosing:
      return discard();
  }
  return false;
}

bool HttpConnection::on_deadline() {
  const bool is_idle_stream = state_ == State::kStreaming && sent_ == bytes_.size();
  return is_idle_stream && continue_stream(kComment);
}

bool HttpConnection::continue_stream(std::string_view bytes) {
  if (bytes_.size() - sent_ + bytes.size() > kMaxStreamBacklogBytes) return false;
  const bool was_idle = sent_ == bytes_.size();
  bytes_.erase(0, sent_);
  sent_ = 0;
  bytes_ += bytes;
  if (state_ != State::kStreaming) return true;  // the beginning is still being written
  if (was_idle) enter(State::kStreaming, kResponseTimeout);
  return write();
}

bool HttpConnection::read_request(const Handler& handler, std::size_t max_body_bytes) {
  char buffer[4096];
  const ssize_t count = recv(fd(), buffer, sizeof buffer, 0);
  if (count <= 0) return count < 0 && is_retryable();
  bytes_.append(buffer, static_cast<std::size_t>(count));
  const std::size_t end = bytes_.find("\r\n\r\n");
  if (end == std::string::npos && bytes_.size() <= kMaxHeadBytes) return true;
  if (end > kMaxHeadBytes) return refuse(http_error(431));  // npos is greater, too
  auto parsed = parse_http_head(std::string_view(bytes_).substr(0, end), max_body_bytes);
  if (const int* status = std::get_if<int>(&parsed)) {
    HttpResponse refusal = http_error(*status);
    if (*status == 405)
      refusal.headers.emplace_back("Allow", max_body_bytes > 0 ? "GET, HEAD, POST" : "GET, HEAD");
    return refuse(refusal);
  }
  auto& [request, body_bytes, keeps_connection] = std::get<HttpHead>(parsed);
  const std::string_view rest = std::string_view(bytes_).substr(end + 4);
  if (rest.size() < body_bytes) return true;
  request.body = rest.substr(0, body_bytes);
  const HttpResponse response = handler(request);
  // A client that has sent more than its request does not wait for answers; it gets this one.
  return respond(response, request.method != "HEAD", keeps_connection && rest.size() == body_bytes);
}

bool HttpConnection::respond(const HttpResponse& response, bool with_body, bool keeps_connection) {
  if (with_body) channel_ = response.channel;
  is_to_be_kept_ = keeps_connection && kept_for_.count() > 0 && !response.channel;
  bytes_ = to_http_bytes(response, with_body, is_to_be_kept_ ? kept_for_ : std::chrono::seconds(0));
  enter(State::kWriting, kResponseTimeout);
  return write();
}

bool HttpConnection::write() {
  const ssize_t count = send(fd(), bytes_.data() + sent_, bytes_.size() - sent_, MSG_NOSIGNAL);
  if (count < 0) return is_retryable();
  sent_ += static_cast<std::size_t>(count);
  if (sent_ < bytes_.size()) return true;
  if (channel_) {
    enter(State::kStreaming, kHeartbeat);
  } else if (is_to_be_kept_) {
    bytes_.clear();
    sent_ = 0;
    enter(State::kKept, kept_for_);
  } else {
    shutdown(fd(), SHUT_WR);
    enter(State::kClosing, kCloseTimeout);
  }
  return true;
}

bool HttpConnection::discard() {
  char buffer[4096];
  const ssize_t count = recv(fd(), buffer, sizeof buffer, 0);
  return count > 0 || (count < 0 && is_retryable());
}

void HttpConnection::enter(State state, std::chrono::milliseconds timeout) {
  state_ = state;
  deadline_ = SteadyClock::now() + timeout;
}

}  // namespace pollbus
