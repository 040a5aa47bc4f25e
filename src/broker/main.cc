#include <csignal>

#include "base/dependency.h"
#include "base/service.h"
#include "base/settings.h"
#include "broker/service/server.h"
#include "broker/settings.h"

int main(int argc, char** argv) {
  using namespace pollbus;
  broker::BrokerSettings broker_settings;
  ServiceSettings service_settings;
  Settings settings("pubsub-broker", broker::kPurpose);
  broker_settings.add_to(settings);
  service_settings.add_to(settings);
  if (const auto exit_code = settings.parse_or_exit_code(argc, argv)) return *exit_code;
  if (const auto exit_code = health_check_exit_code(service_settings)) return *exit_code;

  Service service("pubsub-broker", service_settings);
  service.readiness().expect("bus");
  const auto fail = [](const absl::Status& status) {
    log_error("cannot start", {{"error", status}});
    return 1;
  };
  // A write beyond a limit on file sizes is to fail like one to a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  broker::ServerOptions options = broker_settings.server_options();
  Dependency storage("storage", options.data_folder.string(), service.clock(), service.readiness(),
                     service.metrics());
  storage.report(absl::OkStatus());
  options.on_storage = [&storage](const absl::Status& status) { storage.report(status); };
  auto server = broker::Server::start(options, service.clock(), service.metrics());
  if (!server.ok()) return fail(server.status());
  for (const std::string& topic : broker_settings.create_topics) {
    if (const absl::Status status = (*server)->ensure_topic(topic); !status.ok()) {
      return fail(status);
    }
  }
  if (const absl::Status status = service.start_http(&(*server)->subscription_metrics());
      !status.ok())
    return fail(status);

  if (options.data_folder.empty()) {
    log_warning("everything is held in memory: nothing is kept over a restart");
  } else {
    log_info("keeps its data on disk", {{"folder", options.data_folder.string()}});
  }
  if (broker_settings.ignore_filters) log_warning("filters are stored and not applied");
  log_info("listening", {{"host", broker_settings.host()}, {"port", (*server)->port()}});
  service.readiness().ready("bus");
  service.shutdown().wait();
  service.readiness().not_ready("bus", "shutting down");
  (*server)->shut_down();
  service.stop_http();
  log_info("stopped");
  return 0;
}
