#include "base/health_check.h"

#include <fmt/format.h>
#include <httplib.h>

namespace pollbus {
namespace {

// Together three seconds: Docker and Kubernetes give up on a check after their own time-outs.
constexpr std::time_t kConnectTimeoutS = 1;
constexpr std::time_t kReadTimeoutS = 2;
constexpr int kHttpOk = 200;

std::string reachable(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "::1";
  return host;
}

}  // namespace

absl::Status check_health(const std::string& host, int port) {
  httplib::Client client(reachable(host), port);
  client.set_connection_timeout(kConnectTimeoutS);
  client.set_read_timeout(kReadTimeoutS);
  const auto answer = client.Get("/readyz");
  if (!answer) {
    return absl::UnavailableError(
        fmt::format("nobody answers on {}:{}: {}", host, port, httplib::to_string(answer.error())));
  }
  if (answer->status != kHttpOk) return absl::UnavailableError("not ready: " + answer->body);
  return absl::OkStatus();
}

}  // namespace pollbus
