// voting-recorder: stores each vote once and answers its machine.
#include <fmt/format.h>

#include <cstdlib>

#include "base/service.h"
#include "base/status.h"
#include "bus/worker.h"
#include "election/key_settings.h"
#include "election/wire.h"
#include "stores/ballot_box.h"
#include "voting_recorder/handler.h"

namespace pollbus::voting_recorder {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{2'000};
constexpr std::chrono::hours kMaxStartTimeout{24};
constexpr std::chrono::milliseconds kStartPause{10'000};
constexpr char kLostRows[] =
    "PostgreSQL was emptied or restored from an older state: stop the recorders and restore it "
    "(docs/deploy.md)";

// Earlier versions needed the variable, so deployments may still set it.
void warn_of_recorder_key() {
  if (std::getenv("RECORDER_KEY") == nullptr && std::getenv("RECORDER_KEY_FILE") == nullptr) return;
  log_warning("RECORDER_KEY is ignored: receipts no longer have a key");
}

struct RecorderSettings {
  ServiceSettings service;
  WorkerConfig worker{.topic = wire::kTopic,
                      .subscription = "election-record-sub",
                      .subscription_variable = wire::kSubscriptionVariable};
  PostgresConfig postgres;
  KeySettings keys = KeySettings::of_recorder();
  std::chrono::seconds start_timeout{600};

  void add_to(Settings& settings) {
    worker.add_to(settings);
    postgres.add_to(settings);
    keys.add_to(settings);
    settings.seconds(
        {"start-timeout-s", "POSTGRES_START_TIMEOUT_S", "SECONDS",
         "How long to wait for PostgreSQL at the start, with an attempt every ten seconds"},
        &start_timeout, std::chrono::seconds(0), kMaxStartTimeout);
    service.add_to(settings);
  }
};

absl::Status run(RecorderSettings settings) {
  Service service("voting-recorder", settings.service);
  RETURN_IF_ERROR(service.start_http());
  warn_of_recorder_key();
  const ServiceKeys keys = settings.keys.service_keys();
  if (keys.empty()) log_warning(kNoKeysWarning);
  settings.worker.filter = wire::record_filter();
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));

  Dependency postgres("postgres",
                      fmt::format("{}:{}", settings.postgres.host, settings.postgres.port),
                      service.clock(), service.readiness(), service.metrics());
  const auto ballots = make_postgres_ballot_box(settings.postgres);
  RETURN_IF_ERROR(postgres.wait_at_start(service.stop_token(), kStartPause, settings.start_timeout,
                                         [&] { return ballots->migrate(); }));
  const auto watched = make_postgres_ballot_box(settings.postgres);
  ElectionCountsWatch rows("rows", kLostRows, service.metrics());
  const auto watch = postgres.watch(kWatchInterval, [&]() -> absl::Status {
    RETURN_IF_ERROR(watched->check());
    ASSIGN_OR_RETURN(const ElectionCounts counts, watched->counts());
    rows.see(counts);
    return absl::OkStatus();
  });

  Handler handler({.outbox = worker->outbox(),
                   .ballots = *ballots,
                   .postgres = postgres,
                   .clock = service.clock(),
                   .readiness = service.readiness(),
                   .metrics = service.metrics()},
                  keys);
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
