#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/service/connection_guard.h"

namespace pollbus::broker {

// Listens on TCP addresses and hands every accepted connection to `accepted`, which then owns its
// descriptor. gRPC's own listener stops for good once the process has run out of descriptors; this
// one refuses connections while only a reserve for files is left, and accepts again afterwards.
class Listener {
 public:
  static constexpr std::chrono::milliseconds kProbeTimeout{2'000};
  using Accepted = std::function<void(int descriptor)>;

  // Listens on every address of `host`; 0.0.0.0 and :: mean all addresses of both families. Port 0
  // takes a free one. UNAVAILABLE, with the reason, when an address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Listener>> open(const std::string& host, int port,
                                                        prometheus::Registry& metrics);
  ~Listener();

  // Begins to accept. `accepted` is called on one thread. If the connections are `encrypted`, those
  // of HTTP/2 are guarded (connection_guard.h) from here on.
  void start(bool encrypted, Accepted accepted);
  // Guards a connection without TLS; must be called before gRPC gets it. Thread-safe.
  void guard(int descriptor);
  // Closes the sockets. No connection is accepted afterwards.
  void stop();

  int port() const { return port_; }
  bool is_loopback() const { return is_loopback_; }
  // Connects as a client does. OK when the connection is accepted and, if `greets`, the greeting of
  // HTTP/2 is answered with the first bytes that its server sends; otherwise UNAVAILABLE. May take
  // kProbeTimeout.
  absl::Status probe(bool greets) const;

 private:
  Listener(std::vector<int> sockets, int port, bool is_loopback, prometheus::Registry& metrics);
  void run(std::stop_token stop);
  // False when the process is out of descriptors.
  bool accept_from(int socket);
  void refuse(int descriptor);

  std::vector<int> sockets_;
  int wake_ = -1;  // an eventfd that ends the wait for connections
  const int port_;
  const bool is_loopback_;
  const int highest_descriptor_;
  prometheus::Counter& refused_;
  prometheus::Counter& attacks_;
  std::chrono::steady_clock::time_point refusal_logged_{};
  Accepted accepted_;
  std::optional<TlsGuard> tls_guard_;
  std::jthread thread_;
};

// Raises the process's soft limit of open descriptors to the hard limit, as far as the broker can
// use it. Returns the limit that holds then.
std::size_t raise_descriptor_limit();

}  // namespace pollbus::broker
