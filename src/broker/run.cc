#include "broker/run.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "base/dependency.h"
#include "base/logging.h"
#include "base/status.h"
#include "broker/service/library_logs.h"
#include "broker/service/listener.h"
#include "broker/service/memory_trimmer.h"
#include "broker/service/server.h"
#include "broker/start_up_resources.h"

namespace pollbus::broker {
namespace {

constexpr std::chrono::milliseconds kProbeInterval{2'000};

// Freed blocks of this size are returned to the system at once. No response is as large, apart from
// one with a single large message.
constexpr int kLargeBlockBytes = 4 << 20;

void set_up_process() {
  // Messages may hold votes: nobody but the owner gets access to a file of this process.
  ::umask(S_IRWXG | S_IRWXO);
  // A write beyond a limit on file sizes must fail like a write to a full disk, not end the
  // process.
  std::signal(SIGXFSZ, SIG_IGN);
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlockBytes);
  raise_descriptor_limit();
  log_libraries();
}

void log_mode(const BrokerSettings& settings, const ServerOptions& options, int port) {
  if (options.data_folder.empty()) {
    log_warning("all data is in memory and is lost when the broker stops");
  } else {
    log_info("data is stored on disk", {{"folder", options.data_folder.string()}});
  }
  if (settings.ignore_filters) log_warning("filters are ignored");
  if (settings.has_page) {
    log_info("page for developers", {{"url", fmt::format("http://localhost:{}/ui/", port)}});
  }
  // Google's emulator logs these words, and tools that start an emulator wait for them.
  log_info(fmt::format("Server started, listening on {}", port), {{"host", settings.host()}});
}

}  // namespace

absl::Status run(const BrokerSettings& settings, Service& service) {
  set_up_process();
  service.readiness().expect("bus");
  ASSIGN_OR_RETURN(const StartUpResources resources, settings.start_up_resources());
  ServerOptions options = settings.server_options();
  Dependency storage("storage", options.data_folder.string(), service.clock(), service.readiness(),
                     service.metrics());
  options.on_storage = [&storage](const absl::Status& status) { storage.report("write", status); };
  ASSIGN_OR_RETURN(const auto server, Server::start(options, service.clock(), service.metrics()));
  RETURN_IF_ERROR(annotate(apply(resources, *server), "resources at start"));
  RETURN_IF_ERROR(service.start_http(&server->subscription_metrics()));
  log_mode(settings, options, server->port());
  // Ready while a client that connects to the API's port would be served.
  Dependency api("bus", fmt::format("{}:{}", settings.host(), server->port()), service.clock(),
                 service.readiness(), service.metrics());
  if (server->probe().ok()) service.readiness().ready("bus");
  std::jthread probing = api.watch(kProbeInterval, [&] { return server->probe(); });
  const std::jthread trimming = trim_memory(service.clock());
  service.shutdown().wait();
  probing = {};
  service.readiness().not_ready("bus", "shutting down");
  server->shut_down();
  service.stop_http();
  log_info("stopped");
  return absl::OkStatus();
}

}  // namespace pollbus::broker
