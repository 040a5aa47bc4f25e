#pragma once

#include <string>
#include <vector>

#include "base/settings.h"
#include "broker/service/server.h"

namespace pollbus::broker {

inline constexpr char kPurpose[] =
    "Serves the Google Pub/Sub API (google.pubsub.v1) on one machine. Clients find it with\n"
    "PUBSUB_EMULATOR_HOST=host:port. Everything is held in memory: nothing is kept over a restart.";

// What the broker is told besides the common settings.
struct BrokerSettings {
  void add_to(Settings& settings);
  ServerOptions server_options() const;
  std::string host() const { return listen.substr(0, listen.rfind(':')); }

  std::string listen = "127.0.0.1:8085";
  std::vector<std::string> create_topics;
  bool in_memory = false;
  bool ignore_filters = false;
};

}  // namespace pollbus::broker
