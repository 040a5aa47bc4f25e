#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/settings.h"

namespace pollbus {

// Where the bus is. With `emulator_host` (PUBSUB_EMULATOR_HOST): that host:port, where
// pubsub-broker or Google's emulator runs, in plain text, or with `ca_file` over TLS. Without: TLS
// to Google Cloud Pub/Sub with Application Default Credentials
// (https://cloud.google.com/docs/authentication/application-default-credentials).
struct BusConfig {
  std::string project;
  std::string emulator_host;
  std::string credentials_file;
  // PEM files, read once by Connection::open().
  std::string ca_file;           // of the broker's certificate
  std::string certificate_file;  // this client's, for mutual TLS
  std::string key_file;
  std::string server_name;  // in the broker's certificate; empty: the host

  void add_to(Settings& settings);
  bool is_emulator() const { return !emulator_host.empty(); }
  std::string topic_path(const std::string& topic) const;
  std::string subscription_path(const std::string& subscription) const;
};

// A channel to the bus, shared by publishers, subscribers and admins. Thread-safe.
class Connection {
 public:
  // Connects at the first use. FAILED_PRECONDITION if no credentials are found; INVALID_ARGUMENT if
  // a PEM file is not what it should be.
  static absl::StatusOr<std::shared_ptr<Connection>> open(const BusConfig& config);
  ~Connection();

  // Lets the next call connect at once instead of after gRPC's own pause; call after a failure that
  // may be the connection's. Callers have their own backoff, and gRPC 1.51 measures its pause by
  // the wall clock: if the clock is set back by an hour, the pause lasts an hour.
  void connect_again();

  // Inside src/bus only: the gRPC stubs, for one call. While the server is not connected, first
  // gives an attempt to connect up to 300 ms.
  struct Stubs;
  Stubs& stubs();

 private:
  explicit Connection(std::unique_ptr<Stubs> stubs);
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace pollbus
