#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pollbus {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
};

// A small HTTP/1.1 server for probes and scrapes: GET and HEAD without a body, one request per
// connection. No client can hold up the others: every request and every response has a deadline as
// a whole, heads and connections are bounded, and beyond the bound the oldest connection is closed.
// One thread serves all connections until the object is destroyed.
class HttpServer {
 public:
  // Returns the response for a path. Called on the server's thread.
  using Handler = std::function<HttpResponse(std::string_view path)>;

  // Port 0 chooses a free one. The host "::" listens on IPv4 and IPv6, or on IPv4 alone if the
  // system has no IPv6. UNAVAILABLE, with the reason, if the address cannot be used.
  static absl::StatusOr<std::unique_ptr<HttpServer>> start(const std::string& host, int port,
                                                           Handler handler);
  ~HttpServer();
  int port() const;

 private:
  class Loop;
  explicit HttpServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace pollbus
