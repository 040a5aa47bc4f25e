#include "support/http_get.h"

#include <httplib.h>

namespace pollbus::testing {
namespace {
constexpr time_t kTimeoutSeconds = 2;
}

std::optional<HttpAnswer> http_get(int port, const std::string& path) {
  httplib::Client client("127.0.0.1", port);
  client.set_connection_timeout(kTimeoutSeconds);
  client.set_read_timeout(kTimeoutSeconds);
  const auto answer = client.Get(path);
  if (!answer) return std::nullopt;
  return HttpAnswer{answer->status, answer->body};
}

}  // namespace pollbus::testing
