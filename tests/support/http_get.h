#pragma once

#include <optional>
#include <string>

namespace pollbus::testing {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// GET http://127.0.0.1:<port><path>. Returns std::nullopt without an answer within two seconds.
std::optional<HttpAnswer> http_get(int port, const std::string& path);

}  // namespace pollbus::testing
