#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file_descriptor.h"
#include "base/http_request.h"
#include "base/http_response.h"

namespace pollbus {

// One client of an HttpServer: reads a request, writes the response, and waits for the client to
// close or to send another request, or continues the response as a stream. Used on the server's
// thread only; does not block.
class HttpConnection {
 public:
  using SteadyClock = std::chrono::steady_clock;
  // Returns the response to a request; it may refuse to open another stream.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // The connection is kept for `kept_for` after a response; 0: until the client closes it.
  HttpConnection(FileDescriptor socket, std::chrono::seconds kept_for)
      : socket_(std::move(socket)), kept_for_(kept_for) {}

  int fd() const { return socket_.get(); }
  short events() const;
  // When to call on_deadline(), if nothing happens before.
  SteadyClock::time_point deadline() const { return deadline_; }
  // It has served a request and waits for another.
  bool is_kept() const { return state_ == State::kKept; }
  // The channel of a response that is continued.
  const std::optional<std::string>& channel() const { return channel_; }

  // Does what the socket is ready for. These return whether the connection is still needed.
  bool advance(const Handler& handler, std::size_t max_body_bytes);
  bool on_deadline();
  bool continue_stream(std::string_view bytes);

 private:
  enum class State { kReading, kWriting, kKept, kStreaming, kClosing };

  bool read_request(const Handler& handler, std::size_t max_body_bytes);
  bool respond(const HttpResponse& response, bool with_body, bool keeps_connection);
  bool refuse(const HttpResponse& response) { return respond(response, true, false); }
  bool write();
  bool discard();
  void enter(State state, std::chrono::milliseconds timeout);

  FileDescriptor socket_;
  const std::chrono::seconds kept_for_;
  bool is_to_be_kept_ = false;
  State state_ = State::kReading;
  SteadyClock::time_point deadline_ = first_deadline();
  static SteadyClock::time_point first_deadline();
  std::string bytes_;  // the request so far, then what is to be written
  std::size_t sent_ = 0;
  std::optional<std::string> channel_;
};

}  // namespace pollbus
