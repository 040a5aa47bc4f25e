#include "base/health_check.h"

#include <fmt/format.h>
#include <httplib.h>

#include <vector>

#include "base/text.h"

namespace pollbus {
namespace {

// Three seconds together: Docker and Kubernetes give up on a check after timeouts of their own.
constexpr std::time_t kConnectTimeoutS = 1;
constexpr std::time_t kReadTimeoutS = 2;
constexpr int kHttpOk = 200;

// A server on every address may have only one of the two families.
std::vector<std::string> addresses_of(const std::string& host) {
  if (host == "0.0.0.0" || host == "::") return {"127.0.0.1", "::1"};
  return {host};
}

absl::Status ask(const std::string& host, int port) {
  httplib::Client client(host, port);
  client.set_connection_timeout(kConnectTimeoutS);
  client.set_read_timeout(kReadTimeoutS);
  const auto answer = client.Get("/readyz");
  if (!answer) {
    return absl::UnavailableError(fmt::format("no answer from {}: {}",
                                              format_host_and_port(host, port),
                                              httplib::to_string(answer.error())));
  }
  if (answer->status != kHttpOk) return absl::InternalError("not ready: " + answer->body);
  return absl::OkStatus();
}

}  // namespace

absl::Status check_health(const std::string& host, int port) {
  absl::Status status;
  for (const std::string& address : addresses_of(host)) {
    status = ask(address, port);
    if (!absl::IsUnavailable(status)) break;
  }
  if (status.ok()) return status;
  return absl::UnavailableError(status.message());
}

}  // namespace pollbus
