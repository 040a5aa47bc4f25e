#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/http_endpoint.h"
#include "base/logging.h"
#include "base/process_watch.h"
#include "base/readiness.h"
#include "base/settings.h"
#include "base/shutdown.h"

namespace pollbus {

// What every long-running process of ours is told.
struct ServiceSettings {
  std::string http_host = "127.0.0.1";
  std::int64_t http_port = 0;
  std::string log_format = "text";
  bool debug = false;
  bool check_health = false;

  void add_to(Settings& settings);
};

// What every long-running process of ours has: a log, metrics, readiness, its HTTP endpoint and an
// orderly end. Make it in main, before any thread.
class Service {
 public:
  Service(std::string name, const ServiceSettings& settings);

  // Serves the HTTP endpoint and watches over the process from here on; /metrics has what `more`,
  // borrowed, collects too.
  absl::Status start_http(const prometheus::Collectable* more = nullptr);
  // For who has something borrowed that ends before the service does.
  void stop_http() { http_.reset(); }

  Clock& clock() { return system_clock(); }
  std::stop_token stop_token() const { return shutdown_.token(); }
  ShutdownSignal& shutdown() { return shutdown_; }
  Readiness& readiness() { return readiness_; }
  prometheus::Registry& metrics() { return metrics_; }

 private:
  ServiceSettings settings_;
  ShutdownSignal shutdown_;
  Readiness readiness_{system_clock()};
  prometheus::Registry metrics_;
  ProcessWatch watch_{system_clock(), metrics_};
  std::unique_ptr<HttpEndpoint> http_;
  std::jthread watching_;  // last: it uses the above
};

// For --check-health: asks the running process whose settings these are too whether it is ready,
// and says what to exit with: 0, or 1 with the reason on standard error. std::nullopt: not asked
// for.
std::optional<int> health_check_exit_code(const ServiceSettings& settings);

// Logs how a process ended and returns its exit code: 0, 2 for settings that cannot work
// (INVALID_ARGUMENT), and 1 for any other error.
int exit_code(const absl::Status& status);

}  // namespace pollbus
