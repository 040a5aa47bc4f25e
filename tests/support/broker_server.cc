#include "support/broker_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "support/http_get.h"
#include "support/ports.h"

namespace pollbus::testing {
namespace {

std::vector<std::string> command_line(const std::filesystem::path& folder,
                                      std::vector<std::string> flags, std::vector<std::string> argv,
                                      int port, int http_port) {
  std::vector<std::string> broker{
      std::string(POLLBUS_PROGRAMS) + "/pubsub-broker",
      "--listen",
      fmt::format("127.0.0.1:{}", port),
      "--http-port",
      std::to_string(http_port),
      "--data-dir",
      folder / "broker",
      "--create-topic",
      fmt::format("projects/{}/topics/{}", BrokerServer::project(), BrokerServer::topic())};
  std::ranges::move(broker, std::back_inserter(argv));
  std::ranges::move(flags, std::back_inserter(argv));
  return argv;
}

}  // namespace

BrokerServer::BrokerServer(const std::filesystem::path& folder, std::vector<std::string> flags,
                           std::vector<std::string> launcher)
    : BrokerServer(folder, std::move(flags), std::move(launcher), free_port(), free_port()) {}

BrokerServer::BrokerServer(const std::filesystem::path& folder, std::vector<std::string> flags,
                           std::vector<std::string> launcher, int port, int http_port)
    : Server({.name = "pubsub-broker",
              .folder = folder,
              .argv = command_line(folder, std::move(flags), std::move(launcher), port, http_port),
              .environment = {},
              .stop_signal = SIGTERM,
              .answers =
                  [http_port] {
                    const auto answer = http_get(http_port, "/readyz");
                    return answer && answer->status == 200;
                  }}),
      port_(port),
      http_port_(http_port) {
  start();
}

Environment BrokerServer::environment() const {
  return {{"PUBSUB_EMULATOR_HOST", host_and_port()},
          {"GCP_PROJECT", project()},
          {"TOPIC_NAME", topic()}};
}

}  // namespace pollbus::testing
