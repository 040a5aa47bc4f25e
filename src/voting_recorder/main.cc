// voting-recorder: stores each vote once and answers its machine.
#include <fmt/format.h>

#include <cstdlib>

#include "base/service.h"
#include "base/status.h"
#include "bus/worker.h"
#include "election/key_settings.h"
#include "election/office_messages.h"
#include "election/office_settings.h"
#include "election/result_topics.h"
#include "election/wire.h"
#include "stores/ballot_box.h"
#include "stores/event_store.h"
#include "voting_recorder/handler.h"
#include "voting_recorder/office_handler.h"

namespace pollbus::voting_recorder {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{2'000};
constexpr std::chrono::hours kMaxStartTimeout{24};
constexpr std::chrono::milliseconds kStartPause{10'000};
// Commands are few and large.
constexpr std::size_t kMaxOfficeBatch = 20;
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
  ResultTopics result_topics;
  OfficeSettings office{wire::kRecorderOfficeSubscription,
                        "The recorders' subscription to the office's commands and to questions "
                        "about elections; created when missing"};
  PostgresConfig postgres;
  KeySettings keys = KeySettings::of_recorder();
  std::chrono::seconds start_timeout{600};
  bool migrate = false;

  void add_to(Settings& settings) {
    worker.add_to(settings);
    result_topics.add_to(settings);
    office.add_to(settings);
    postgres.add_to(settings);
    settings.alternative(
        {"migrate", "", "",
         "Do not run. Instead bring the database to this version, as the user that owns it, grant "
         "the roles pollbus_recorder and pollbus_results their rights, and exit"},
        &migrate);
    keys.add_to(settings);
    settings.seconds(
        {"start-timeout-s", "POSTGRES_START_TIMEOUT_S", "SECONDS",
         "How long to wait for PostgreSQL at the start, with an attempt every ten seconds"},
        &start_timeout, std::chrono::seconds(0), kMaxStartTimeout);
    service.add_to(settings);
  }
};

std::string where(const PostgresConfig& postgres) {
  return fmt::format("{}:{}", postgres.host, postgres.port);
}

absl::Status migrate(const RecorderSettings& settings) {
  Service service("voting-recorder", settings.service);
  Dependency postgres("postgres", where(settings.postgres), service.clock(), service.readiness(),
                      service.metrics());
  return postgres.wait_at_start(service.stop_token(), kStartPause, settings.start_timeout,
                                [&] { return migrate_postgres(settings.postgres); });
}

WorkerConfig office_worker_of(const RecorderSettings& settings) {
  WorkerConfig config = settings.worker;
  config.name = "office bus";
  config.subscription = settings.office.subscription();
  config.filter = wire::recorder_office_filter();
  config.subscriber.max_batch_messages = kMaxOfficeBatch;
  return config;
}

absl::Status run(RecorderSettings settings) {
  Service service("voting-recorder", settings.service);
  RETURN_IF_ERROR(service.start_http());
  warn_of_recorder_key();
  const ServiceKeys keys = settings.keys.service_keys();
  if (keys.empty()) log_warning(kNoKeysWarning);
  settings.worker.filter = wire::record_filter();
  settings.worker.further_topics = settings.result_topics.names(settings.worker.topic);
  settings.worker.route = std::bind_front(&ResultTopics::of_message, settings.result_topics);
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));
  ASSIGN_OR_RETURN(auto office, Worker::open(office_worker_of(settings), service));

  Dependency postgres("postgres", where(settings.postgres), service.clock(), service.readiness(),
                      service.metrics());
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
  const auto events = make_postgres_event_store(settings.postgres);
  OfficeHandler office_handler({.outbox = office->outbox(),
                                .events = *events,
                                .postgres = postgres,
                                .clock = service.clock(),
                                .readiness = service.readiness(),
                                .metrics = service.metrics()},
                               settings.office.public_key(), keys);
  return work_until_stopped(
      service,
      {{*worker, [&](auto batch, auto stop) { return handler.handle(batch, stop); }},
       {*office, [&](auto batch, auto stop) { return office_handler.handle(batch, stop); }}});
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
  if (recorder.migrate) return exit_code(voting_recorder::migrate(recorder));
  return exit_code(voting_recorder::run(std::move(recorder)));
}
