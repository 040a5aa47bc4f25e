#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "broker/core/core.h"

namespace pollbus::broker {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;  // 0 takes a free one
  CoreOptions core = {};
};

// The whole broker: serves google.pubsub.v1 without encryption until destroyed or shut down.
// Thread-safe. Borrows clock and metrics.
class Server {
 public:
  // UNAVAILABLE when the address cannot be bound, for example because another broker has it.
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options, Clock& clock,
                                                       prometheus::Registry& metrics);
  ~Server();

  int port() const;
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
