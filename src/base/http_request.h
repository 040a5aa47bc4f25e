#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pollbus {

// A request as its handler sees it. The views are valid while the handler runs.
struct HttpRequest {
  std::string_view method;
  std::string_view path;   // without the query
  std::string_view query;  // what follows the "?", or nothing
  std::string_view body;
  std::vector<std::pair<std::string, std::string_view>> headers;  // names in lower case

  // The value without the blanks around it. Empty if the header is absent or occurs twice.
  std::string_view header(std::string_view lower_case_name) const;
};

// Parses what comes before the empty line of an HTTP/1 request. Pure function.
struct HttpHead {
  HttpRequest request;  // without its body
  std::size_t body_bytes = 0;
  bool keeps_connection = false;  // the client may send another request afterwards
};
// Fails with the status to answer: 400 if it is not HTTP/1 or its length is unclear, 405 for a
// method other than GET, HEAD and (if `max_body_bytes` > 0) POST, 413 for a body that is larger,
// chunked, or not a POST's.
std::variant<HttpHead, int> parse_http_head(std::string_view head, std::size_t max_body_bytes);

}  // namespace pollbus
