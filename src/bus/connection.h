#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/settings.h"

namespace pollbus {

// Where the bus is. With `emulator_host` (PUBSUB_EMULATOR_HOST) plain text to that host:port:
// pubsub-broker or Google's emulator. Without: TLS to Google Cloud Pub/Sub with Application Default
// Credentials (https://cloud.google.com/docs/authentication/application-default-credentials).
struct BusConfig {
  std::string project;
  std::string emulator_host;
  std::string credentials_file;

  void add_to(Settings& settings);
  bool is_emulator() const { return !emulator_host.empty(); }
  std::string topic_path(const std::string& topic) const;
  std::string subscription_path(const std::string& subscription) const;
};

// A channel to the bus, shared by the publishers, subscribers and admins made of it. Thread-safe.
class Connection {
 public:
  // Connects when first used; fails only where no credentials can be had (FAILED_PRECONDITION).
  static absl::StatusOr<std::shared_ptr<Connection>> open(const BusConfig& config);
  ~Connection();

  // After a failure that may be the connection's: the next use connects again, whatever pause gRPC
  // has in mind. Whoever uses the bus has pauses of its own, and gRPC 1.51 measures its by the wall
  // clock: set back by an hour, that one would last an hour.
  void connect_again();

  // Inside src/bus only: the gRPC stubs.
  struct Stubs;
  Stubs& stubs() { return *stubs_; }

 private:
  explicit Connection(std::unique_ptr<Stubs> stubs);
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace pollbus
