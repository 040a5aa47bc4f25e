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

// The settings of every long-running process.
struct ServiceSettings {
  std::string http_host = "127.0.0.1";
  std::int64_t http_port = 0;
  std::string log_format = "text";
  bool debug = false;
  bool check_health = false;

  void add_to(Settings& settings);
};

// What every long-running process has: log, metrics, readiness, HTTP endpoint and orderly shutdown.
// Create it in main, before any thread starts.
class Service {
 public:
  Service(const std::string& name, const ServiceSettings& settings);

  // Starts the HTTP endpoint and the watch over the process. /metrics also shows what `more`,
  // which is borrowed, collects.
  absl::Status start_http(const prometheus::Collectable* more = nullptr);
  // Stops serving; call before destroying anything passed to start_http().
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

// For --check-health: asks the running process with these settings whether it is ready. Returns the
// exit code: 0, or 1 after writing the reason to standard error; std::nullopt without the flag.
std::optional<int> health_check_exit_code(const ServiceSettings& settings);

// Logs how a process ended and returns its exit code: 0, 2 for settings that cannot work
// (INVALID_ARGUMENT), and 1 for any other error.
int exit_code(const absl::Status& status);

}  // namespace pollbus
