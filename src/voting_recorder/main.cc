// voting-recorder: stores each vote once.
#include <fmt/format.h>

#include "base/service.h"
#include "base/status.h"
#include "bus/worker.h"
#include "election/wire.h"
#include "stores/ballot_box.h"
#include "voting_recorder/handler.h"

namespace pollbus::voting_recorder {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{2'000};
constexpr std::chrono::milliseconds kStartPause{10'000};

struct RecorderSettings {
  ServiceSettings service;
  WorkerConfig worker{.topic = wire::kTopic,
                      .subscription = "election-record-sub",
                      .subscription_variable = wire::kSubscriptionVariable};
  PostgresConfig postgres;
  Secret key;
  std::int64_t start_timeout_s = 600;

  void add_to(Settings& settings) {
    worker.add_to(settings);
    postgres.add_to(settings);
    settings.secret(
        {"recorder-key", "RECORDER_KEY", "KEY",
         "Key of the receipts in PostgreSQL, the same for all recorders: 64 hexadecimal digits"},
        &key, HashKey::check, /*required=*/true);
    settings.integer(
        {"start-timeout-s", "POSTGRES_START_TIMEOUT_S", "SECONDS",
         "How long PostgreSQL is waited for at the start, with a try every ten seconds"},
        &start_timeout_s);
    service.add_to(settings);
  }
};

absl::Status run(RecorderSettings settings) {
  Service service("voting-recorder", settings.service);
  RETURN_IF_ERROR(service.start_http());
  ASSIGN_OR_RETURN(const auto key, HashKey::parse(settings.key.reveal()));
  settings.worker.filter = wire::record_filter();
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));

  Dependency postgres("postgres",
                      fmt::format("{}:{}", settings.postgres.host, settings.postgres.port),
                      service.clock(), service.readiness(), service.metrics());
  const auto ballots = make_postgres_ballot_box(settings.postgres);
  RETURN_IF_ERROR(postgres.wait_at_start(service.stop_token(), kStartPause,
                                         std::chrono::seconds(settings.start_timeout_s),
                                         [&] { return ballots->migrate(); }));
  const auto watched = make_postgres_ballot_box(settings.postgres);
  const auto watch = postgres.watch(kWatchInterval, [&] { return watched->check(); });

  Handler handler(worker->intake_parts(), *ballots, postgres, key, service.metrics());
  RETURN_IF_ERROR(
      worker->start([&](auto batch, auto stop) { return handler.handle(batch, stop); }));
  worker->wait_and_drain();
  return absl::OkStatus();
}

}  // namespace
}  // namespace pollbus::voting_recorder

int main(int argc, char** argv) {
  using namespace pollbus;
  voting_recorder::RecorderSettings recorder;
  Settings settings(
      "voting-recorder",
      "Stores each vote once and answers its machine: Pub/Sub in, PostgreSQL, Pub/Sub out.");
  recorder.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(recorder.service)) return *code;
  return exit_code(voting_recorder::run(std::move(recorder)));
}
