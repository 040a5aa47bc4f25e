#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pollbus {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  // Further headers. Their values must not hold a line break.
  std::vector<std::pair<std::string, std::string>> headers = {};
  // If present, the connection stays open after the body, and HttpServer::broadcast() to this
  // channel continues the response.
  std::optional<std::string> channel = std::nullopt;
};

// The bytes of a response; with `with_body` false, those of the response to a HEAD request. Zero
// `kept_for` tells the client that the connection is closed afterwards.
std::string to_http_bytes(const HttpResponse& response, bool with_body,
                          std::chrono::seconds kept_for);

// A response that says its status in words.
HttpResponse http_error(int status);

}  // namespace pollbus
