#include "broker/rest/request_rules.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <string_view>

namespace pollbus::broker {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

// The host of a header Origin, like "https://host:port".
std::string_view host_of_origin(std::string_view origin) {
  const std::size_t slashes = origin.find("//");
  return slashes == std::string_view::npos ? "" : origin.substr(slashes + 2);
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_decimal(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// RFC 9110, 7.2. Several hosts in one header could be read in several ways.
bool is_host(std::string_view text) {
  return text.find_first_of(" \t,/@?#\\") == std::string_view::npos;
}

}  // namespace

RequestProblem problem_of(const http::request_header<>& request) {
  const auto hosts = request.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && request.version() == 11)) {
    return {400, "A request must have one Host header."};
  }
  if (!is_host(view(request[http::field::host]))) return {400, "The Host header is not valid."};
  const auto encodings = request.count(http::field::transfer_encoding);
  const auto lengths = request.count(http::field::content_length);
  if (lengths > 1 || !is_decimal(view(request[http::field::content_length]))) {
    return {400, "A request must have at most one Content-Length, in decimal digits."};
  }
  if (encodings > 0 && (lengths > 0 || request.version() == 10)) {
    return {400, "A request must not have both Transfer-Encoding and Content-Length."};
  }
  if (encodings > 1 ||
      (encodings == 1 && !beast::iequals(request[http::field::transfer_encoding], "chunked"))) {
    return {501, "The only Transfer-Encoding that is served is chunked."};
  }
  if (request.count(http::field::content_encoding) > 0 &&
      !beast::iequals(request[http::field::content_encoding], "identity")) {
    return {415, "Compressed requests are not served."};
  }
  if (request.count(http::field::expect) > 0 &&
      !beast::iequals(request[http::field::expect], "100-continue")) {
    return {417, "The only expectation that can be met is 100-continue."};
  }
  // A browser lets any web page send requests to this machine, and says from which page.
  if (request.count(http::field::origin) > 0 &&
      host_of_origin(view(request[http::field::origin])) != view(request[http::field::host])) {
    return {403, "Requests from web pages of other servers are refused."};
  }
  return {};
}

}  // namespace pollbus::broker
