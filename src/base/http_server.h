#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/http_request.h"
#include "base/http_response.h"

namespace pollbus {

// A small HTTP/1.1 server for probes, scrapes and pages. No client can hold up the others: every
// request and every response has a deadline as a whole; heads, bodies, connections and streams are
// bounded, and beyond the bound a connection that waits for another request is closed, or the
// oldest one. Requests on one connection are answered one by one; the second of two that are sent
// at once is not answered. One thread serves all connections until the object is destroyed.
class HttpServer {
 public:
  // Returns the response to a request. Called on the server's thread.
  using Handler = std::function<HttpResponse(const HttpRequest& request)>;
  struct Limits {
    std::size_t max_connections = 512;
    std::size_t max_body_bytes = 0;  // of a POST; 0: POST is not allowed
    std::size_t max_streams = 0;     // beyond, a client is told to come back later (503)
    // How long a connection is kept for another request; 0: one request per connection.
    std::chrono::seconds kept_for{0};
  };

  // Port 0 chooses a free one. The host "::" listens on IPv4 and IPv6, or on IPv4 alone if the
  // system has no IPv6. UNAVAILABLE, with the reason, if the address cannot be used.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const std::string& host, int port,
                                                           Handler handler, Limits limits);
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const std::string& host, int port,
                                                           Handler handler) {
    return start(host, port, std::move(handler), Limits());
  }
  ~HttpServer();
  int port() const;

  // Continues every response on this channel, for example with a server-sent event. A client that
  // does not read what it was sent is disconnected. A silent stream gets a comment line every 15 s.
  // Thread-safe; does not wait.
  void broadcast(std::string_view channel, std::string_view bytes);

 private:
  class Loop;
  explicit HttpServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace pollbus
