#pragma once

#include <string>
#include <vector>

#include "support/server.h"

namespace pollbus::testing {

// A running pubsub-broker with the topic `election` in the project `pollbus-test`.
class BrokerServer : public Server {
 public:
  // `flags` come after the ones it always gets: --listen, --http-port, --data-dir (in
  // `folder`) and --create-topic.
  // `launcher` is a command that executes the command line that is appended to it, the broker's.
  explicit BrokerServer(const std::filesystem::path& folder, std::vector<std::string> flags = {},
                        std::vector<std::string> launcher = {});

  static std::string project() { return "pollbus-test"; }
  static std::string topic() { return "election"; }

  int port() const { return port_; }
  int http_port() const { return http_port_; }
  std::string host_and_port() const { return "127.0.0.1:" + std::to_string(port_); }
  // {"PUBSUB_EMULATOR_HOST": …, "GCP_PROJECT": …, "TOPIC_NAME": …}, as services expect.
  Environment environment() const;

 private:
  BrokerServer(const std::filesystem::path& folder, std::vector<std::string> flags,
               std::vector<std::string> launcher, int port, int http_port);

  int port_;
  int http_port_;
};

}  // namespace pollbus::testing
