#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "support/server.h"

namespace pollbus::testing {

// A voting-logger, voting-recorder or voting-machine with all its settings in the environment.
// start() returns when it is ready; launch() returns at once, for tests in which it must not become
// ready.
class VotingService : public Server {
 public:
  // `program` is the name of the executable; `name` names the log and distinguishes replicas.
  // HTTP_PORT is added to `environment` if it is missing.
  VotingService(const std::string& program, const std::string& name, const Environment& environment,
                const std::filesystem::path& folder, std::vector<std::string> flags = {});

  using Server::launch;
  void wait_until_ready(std::chrono::milliseconds within) { await_answer(within); }
  bool is_ready() const;

  int http_port() const { return http_port_; }
  // The body of /metrics; empty if the service does not answer.
  std::string metrics() const;
  // The value of a series, named as in /metrics: `votes_total`, `votes_total{result="accepted"}`.
  std::optional<double> metric(const std::string& series) const;

 private:
  VotingService(const std::string& program, const std::string& name, Environment environment,
                const std::filesystem::path& folder, std::vector<std::string> flags, int http_port);

  int http_port_;
};

}  // namespace pollbus::testing
