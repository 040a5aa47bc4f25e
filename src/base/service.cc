#include "base/service.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <iostream>

#include "absl/synchronization/mutex.h"
#include "base/health_check.h"

namespace pollbus {
namespace {

constexpr int kExitError = 1;
constexpr int kExitWrongSettings = 2;

// The memory holds votes and keys. Without the second call, a program that collects core dumps
// (core_pattern with a pipe) would get one all the same.
void forbid_core_dumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) == 0 && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) return;
  log_warning("core dumps of this process cannot be switched off");
}

}  // namespace

void ServiceSettings::add_to(Settings& settings) {
  settings.text({"http-host", "HTTP_HOST", "ADDRESS", "Address of /healthz, /readyz and /metrics"},
                &http_host, check_not_empty);
  settings.integer(
      {"http-port", "HTTP_PORT", "PORT", "Port of these; 0 chooses a free port and logs it"},
      &http_port, 0, kMaxPort);
  settings.text({"log-format", "LOG_FORMAT", "text|json",
                 "Format of the log on standard error, one line per event"},
                &log_format, [](const std::string& value) -> std::optional<std::string> {
                  if (value == "text" || value == "json") return std::nullopt;
                  return "expected text or json";
                });
  settings.boolean({"debug", "DEBUG", "", "Log more details"}, &debug);
  settings.alternative(
      {"check-health", "", "",
       "Do not run. Instead ask the running process at HTTP_HOST and HTTP_PORT whether it is "
       "ready, and exit with 0, or with 1 and the reason"},
      &check_health);
}

Service::Service(const std::string& name, const ServiceSettings& settings) : settings_(settings) {
  set_up_logging(name, settings.log_format == "json" ? LogFormat::kJson : LogFormat::kText,
                 settings.debug ? LogLevel::kDebug : LogLevel::kInfo);
  forbid_core_dumps();
  // Debian builds Abseil with its debugging checks, and gRPC locks Abseil's mutexes: each lock
  // would be looked up in a graph that all threads share, to find deadlocks in gRPC.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

absl::Status Service::start_http(const prometheus::Collectable* more) {
  auto http = HttpEndpoint::start(settings_.http_host, static_cast<int>(settings_.http_port),
                                  readiness_, metrics_, more);
  if (!http.ok()) return http.status();
  http_ = std::move(http).value();
  log_info("http endpoint", {{"host", settings_.http_host}, {"port", http_->port()}});
  watching_ = watch_.start();
  return absl::OkStatus();
}

std::optional<int> health_check_exit_code(const ServiceSettings& settings) {
  if (!settings.check_health) return std::nullopt;
  if (settings.http_port == 0) {
    std::cerr << "HTTP_PORT: --check-health needs the port of the running process" << std::endl;
    return kExitWrongSettings;
  }
  const absl::Status status =
      check_health(settings.http_host, static_cast<int>(settings.http_port));
  if (status.ok()) return 0;
  std::cerr << status.message() << std::endl;
  return kExitError;
}

int exit_code(const absl::Status& status) {
  // CANCELLED: a stop was requested before there was anything to finish.
  if (status.ok() || absl::IsCancelled(status)) {
    log_info("stopped");
    return 0;
  }
  log_error("ended by an error", {{"error", status}});
  return absl::IsInvalidArgument(status) ? kExitWrongSettings : kExitError;
}

}  // namespace pollbus
