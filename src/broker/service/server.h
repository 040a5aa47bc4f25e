#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
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
  std::filesystem::path clients;  // the table of clients (ClientTable); empty: no limits
  CoreOptions core = {};
  PushPolicy push = {};
  std::filesystem::path data_folder;  // empty: everything is held in memory
  // Serves a page for developers below /ui/. Only without TLS, because it asks for no certificate,
  // and only on a loopback address.
  bool has_page = false;
  // Serves grpc.reflection.v1alpha. gRPC does not bound its memory: a request of 19 MB takes 1.3
  // GB.
  bool has_reflection = false;
  // Called on any thread with an error when the folder becomes unwritable, and with OK when it can
  // be written again.
  std::function<void(const absl::Status&)> on_storage = [](const absl::Status&) {};
};

// The whole broker: serves google.pubsub.v1 and grpc.health.v1 until it is destroyed or shut down.
// Thread-safe. Borrows clock and metrics.
class Server {
 public:
  // Opens the data folder, then listens. UNAVAILABLE when the address cannot be bound, for example
  // because another broker uses it; otherwise the errors of Store and of server_credentials().
  static absl::StatusOr<std::unique_ptr<Server>> start(const ServerOptions& options, Clock& clock,
                                                       prometheus::Registry& metrics);
  ~Server();

  int port() const;
  // Connects to the API's port as a client does, and returns UNAVAILABLE with the reason if that
  // does not work. May take some seconds.
  absl::Status probe() const;
  // The metrics of each subscription. Lives as long as the server.
  const prometheus::Collectable& subscription_metrics() const;

  // A channel for calls of this process, which no other program can use. The server must not shut
  // down during a call.
  std::shared_ptr<grpc::Channel> channel() const;
  // Lets a call on the channel do everything, also if there is a table of clients.
  void identify(grpc::ClientContext* context) const;

  // Ends open streams and pulls with UNAVAILABLE, waits for the answers of other calls, and returns
  // within kShutdownGrace.
  void shut_down();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace pollbus::broker
