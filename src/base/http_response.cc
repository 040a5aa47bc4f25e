#include "base/http_response.h"

#include <fmt/format.h>

namespace pollbus {
namespace {

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

bool has_length(const HttpResponse& response) {
  return !response.channel && response.status != 304;
}

}  // namespace

std::string to_http_bytes(const HttpResponse& response, bool with_body,
                          std::chrono::seconds kept_for) {
  std::string bytes =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  if (response.status != 304) bytes += fmt::format("Content-Type: {}\r\n", response.content_type);
  if (has_length(response)) bytes += fmt::format("Content-Length: {}\r\n", response.body.size());
  bytes += kept_for.count() == 0 ? "Connection: close\r\n"
                                 : fmt::format("Keep-Alive: timeout={}\r\n", kept_for.count());
  for (const auto& [name, value] : response.headers)
    bytes += fmt::format("{}: {}\r\n", name, value);
  bytes += "\r\n";
  if (with_body && response.status != 304) bytes += response.body;
  return bytes;
}

HttpResponse http_error(int status) {
  return {.status = status, .body = fmt::format("{}\n", reason_phrase(status))};
}

}  // namespace pollbus
