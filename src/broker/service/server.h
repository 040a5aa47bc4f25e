#pragma once

#include <prometheus/registry.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/core.h"
#include "broker/service/push_policy.h"
#include "broker/service/tls.h"

namespace pollbus::broker {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;  // 0 takes a free one
  TlsFiles tls = {};
  CoreOptions core = {};
  PushPolicy push = {};
  std::filesystem::path data_folder;  // empty: everything is held in memory
  // Called on any thread when the folder cannot be written any more, and with OK when it can again.
  std::function<void(const absl::Status&)> on_storage = [](const absl::Status&) {};
};

// The whole broker: serves google.pubsub.v1, grpc.health.v1 and server reflection until destroyed
// or shut down. Thread-safe. Borrows clock and metrics.
class Server {
 public:
  // Opens the data folder (see Store for its errors), then listens. UNAVAILABLE when the address
  // cannot be bound, for example because another broker has it; and the errors of TlsFiles.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options, Clock& clock,
                                                       prometheus::Registry& metrics);
  ~Server();

  int port() const;
  // What each subscription has come to, whenever it is asked; lives as long as the server.
  const prometheus::Collectable& subscription_metrics() const;
  absl::Status ensure_topic(const std::string& name);

  // Ends open streams and pulls with UNAVAILABLE, lets answers that are on their way through, and
  // returns when all calls are over, at most kShutdownGrace_ms later.
  void shut_down();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace pollbus::broker
