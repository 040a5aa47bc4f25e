#include "base/logging.h"
#include "base/service.h"
#include "base/settings.h"
#include "broker/run.h"
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
  const absl::Status status = broker::run(broker_settings, service);
  if (status.ok()) return 0;
  log_error("cannot start", {{"error", status}});
  return 1;
}
