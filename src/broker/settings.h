#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "broker/service/server.h"
#include "broker/start_up_resources.h"

namespace pollbus::broker {

inline constexpr char kPurpose[] =
    "Serves the Google Pub/Sub API (google.pubsub.v1) on one machine. Clients find it with\n"
    "PUBSUB_EMULATOR_HOST=host:port. A publish is answered after its messages are on disk.";

// The broker's own settings; ServiceSettings has those that all services share.
struct BrokerSettings {
  void add_to(Settings& settings);
  ServerOptions server_options() const;
  // Those of the flags, of the file and of the process's environment.
  absl::StatusOr<StartUpResources> start_up_resources() const;
  // The address to listen on: that of --listen, with what --host and --port replace.
  std::string host() const;
  int port() const;

  // $XDG_STATE_HOME/pollbus/broker or ~/.local/state/pollbus/broker; empty if neither variable is
  // set.
  static std::string default_data_folder(const Settings::Environment& environment);

  std::string listen = "127.0.0.1:8085";
  std::string only_host;
  std::optional<std::int64_t> only_port;
  std::string project;  // of names without a project
  std::vector<std::string> create_topics;
  std::vector<std::string> create_subscriptions;
  std::string resources;
  std::string data_folder = default_data_folder(Settings::process_environment());
  bool in_memory = false;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;
  std::string clients;
  bool has_page = false;
  bool has_reflection = false;
  bool enable_push = false;
  std::vector<std::string> push_targets;
  std::string push_authorities;
  bool ignore_filters = false;
};

}  // namespace pollbus::broker
