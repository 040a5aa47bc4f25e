#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "support/server.h"

namespace pollbus::testing {

// A program of ours that is told everything by its environment: a voting-logger, a voting-recorder
// or a voting-machine. start() returns when it is ready; launch() at once, for one that shall not
// become ready.
class VotingService : public Server {
 public:
  // `program` is the executable's name. `name` names the log, and tells replicas apart.
  // HTTP_PORT is added to `environment`, unless it is there.
  VotingService(const std::string& program, const std::string& name, Environment environment,
                const std::filesystem::path& folder, std::vector<std::string> flags = {});

  using Server::launch;
  void wait_until_ready(std::chrono::milliseconds within) { await_answer(within); }
  bool is_ready() const;

  int http_port() const { return http_port_; }
  // The body of /metrics; empty when it does not answer.
  std::string metrics() const;
  // Value of one series, named as in /metrics: `votes_total` or `votes_total{result="accepted"}`.
  std::optional<double> metric(const std::string& series) const;

 private:
  VotingService(const std::string& program, const std::string& name, Environment environment,
                const std::filesystem::path& folder, std::vector<std::string> flags, int http_port);

  int http_port_;
};

}  // namespace pollbus::testing
