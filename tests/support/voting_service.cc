#include "support/voting_service.h"

#include <sstream>
#include <utility>

#include "support/http_get.h"
#include "support/ports.h"

namespace pollbus::testing {
namespace {

bool ready(int http_port) {
  const auto answer = http_get(http_port, "/readyz");
  return answer && answer->status == 200;
}

int http_port_of(const Environment& environment) {
  const auto given = environment.find("HTTP_PORT");
  return given == environment.end() ? free_port() : std::stoi(given->second);
}

std::vector<std::string> command_line(const std::string& program, std::vector<std::string> flags) {
  std::vector<std::string> argv{POLLBUS_PROGRAMS "/" + program};
  for (auto& flag : flags) argv.push_back(std::move(flag));
  return argv;
}

Environment with_http_port(Environment environment, int port) {
  environment["HTTP_PORT"] = std::to_string(port);
  return environment;
}

}  // namespace

VotingService::VotingService(const std::string& program, const std::string& name,
                             const Environment& environment, const std::filesystem::path& folder,
                             std::vector<std::string> flags)
    : VotingService(program, name, environment, folder, std::move(flags),
                    http_port_of(environment)) {}

VotingService::VotingService(const std::string& program, const std::string& name,
                             Environment environment, const std::filesystem::path& folder,
                             std::vector<std::string> flags, int http_port)
    : Server({.name = name,
              .folder = folder,
              .argv = command_line(program, std::move(flags)),
              .environment = with_http_port(std::move(environment), http_port),
              .stop_signal = SIGTERM,
              .answers = [http_port] { return ready(http_port); }}),
      http_port_(http_port) {}

bool VotingService::is_ready() const { return ready(http_port_); }

std::string VotingService::metrics() const {
  const auto answer = http_get(http_port_, "/metrics");
  return answer && answer->status == 200 ? answer->body : "";
}

std::optional<double> VotingService::metric(const std::string& series) const {
  std::istringstream lines(metrics());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  }
  return std::nullopt;
}

}  // namespace pollbus::testing
