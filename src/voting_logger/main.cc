// voting-logger: lets each voter through once per election.
#include "base/service.h"
#include "base/status.h"
#include "bus/worker.h"
#include "election/key_settings.h"
#include "election/office_messages.h"
#include "election/office_settings.h"
#include "election/result_topics.h"
#include "election/wire.h"
#include "stores/election_register.h"
#include "stores/voter_register.h"
#include "voting_logger/handler.h"
#include "voting_logger/office_handler.h"

namespace pollbus::voting_logger {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{2'000};
constexpr std::chrono::hours kMaxStartTimeout{24};
constexpr std::chrono::milliseconds kStartPause{1'000};
constexpr std::size_t kOfficeBatch = 20;
constexpr char kLostMarks[] =
    "Redis was emptied or restored from an older state, and voters without a mark can vote again: "
    "stop the loggers and restore Redis (docs/deploy.md)";

constexpr char kAnyElection[] = "any";
constexpr char kDefinedElections[] = "defined";

std::optional<std::string> check_rule(const std::string& rule) {
  if (rule == kAnyElection || rule == kDefinedElections) return std::nullopt;
  return "expected any or defined";
}

struct LoggerSettings {
  ServiceSettings service;
  WorkerConfig worker{.topic = wire::kTopic,
                      .subscription = "election-submit-sub",
                      .subscription_variable = wire::kSubscriptionVariable};
  std::string record_subscription = "election-record-sub";
  ResultTopics result_topics;
  OfficeSettings office{wire::kLoggerOfficeSubscription,
                        "The loggers' subscription to the office's commands; created when missing"};
  std::string elections = kAnyElection;
  RedisConfig redis;
  Secret key;
  KeySettings keys = KeySettings::of_logger();
  std::chrono::seconds start_timeout{60};

  void add_to(Settings& settings) {
    worker.add_to(settings);
    result_topics.add_to(settings);
    settings.text(
        {"record-subscription", "RECORD_SUB_ID", "NAME",
         "The recorders' subscription, which must exist before the first vote is forwarded"},
        &record_subscription, check_not_empty);
    office.add_to(settings);
    settings.text(
        {"elections", "ELECTIONS", "RULE",
         "Which elections take votes: any, also those that the office has not defined; or "
         "defined"},
        &elections, check_rule);
    redis.add_to(settings);
    settings.secret(
        {"logger-key", "LOGGER_KEY", "KEY",
         "Key of the fingerprints in Redis, the same for all loggers: 64 hexadecimal digits"},
        &key, HashKey::check, /*required=*/true);
    keys.add_to(settings);
    settings.seconds({"start-timeout-s", "REDIS_START_TIMEOUT_S", "SECONDS",
                      "How long to wait for Redis at the start, with an attempt every second"},
                     &start_timeout, std::chrono::seconds(0), kMaxStartTimeout);
    service.add_to(settings);
  }
};

absl::StatusOr<ElectionCounts> check_and_count(VoterRegister& voters) {
  RETURN_IF_ERROR(voters.check());
  return voters.counts();
}

WorkerConfig office_worker_config(const LoggerSettings& settings) {
  WorkerConfig config = settings.worker;
  config.name = "office bus";
  config.subscription = settings.office.subscription();
  config.filter = wire::logger_office_filter();
  config.required_subscriptions.clear();
  // Commands are few and large.
  config.subscriber.max_batch_messages = kOfficeBatch;
  return config;
}

absl::Status run(LoggerSettings settings) {
  Service service("voting-logger", settings.service);
  RETURN_IF_ERROR(service.start_http());
  ASSIGN_OR_RETURN(const auto key, HashKey::parse(settings.key.reveal()));
  const ServiceKeys keys = settings.keys.service_keys();
  if (keys.empty()) log_warning(kNoKeysWarning);
  settings.redis.only_defined_elections = settings.elections == kDefinedElections;
  settings.worker.filter = wire::submit_filter();
  settings.worker.further_topics = settings.result_topics.names(settings.worker.topic);
  settings.worker.route = std::bind_front(&ResultTopics::of_message, settings.result_topics);
  settings.worker.required_subscriptions = {settings.record_subscription};
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));
  ASSIGN_OR_RETURN(auto office, Worker::open(office_worker_config(settings), service));

  Dependency redis("redis", settings.redis.where(), service.clock(), service.readiness(),
                   service.metrics());
  const auto voters = make_redis_voter_register(settings.redis, check_value(key));
  RETURN_IF_ERROR(redis.wait_at_start(service.stop_token(), kStartPause, settings.start_timeout,
                                      [&] { return check_and_count(*voters).status(); }));
  if (const auto warnings = redis_durability_warnings(settings.redis); warnings.ok()) {
    for (const std::string& warning : *warnings)
      log_warning("redis could lose marks", {{"reason", warning}});
  }
  const auto watched = make_redis_voter_register(settings.redis, check_value(key));
  ElectionCountsWatch marks("marks", kLostMarks, service.metrics());
  const auto watch = redis.watch(kWatchInterval, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const ElectionCounts counts, check_and_count(*watched));
    marks.see(counts);
    return absl::OkStatus();
  });

  Handler handler({.outbox = worker->outbox(),
                   .voters = *voters,
                   .redis = redis,
                   .clock = service.clock(),
                   .readiness = service.readiness(),
                   .metrics = service.metrics()},
                  key, keys);
  const auto elections = make_redis_election_register(settings.redis);
  OfficeHandler office_handler(office->outbox(), *elections, redis, settings.office.public_key(),
                               keys, service.metrics());
  return work_until_stopped(
      service,
      {{*worker, [&](auto batch, auto stop) { return handler.handle(batch, stop); }},
       {*office, [&](auto batch, auto stop) { return office_handler.handle(batch, stop); }}});
}

}  // namespace
}  // namespace pollbus::voting_logger

int main(int argc, char** argv) {
  using namespace pollbus;
  voting_logger::LoggerSettings logger;
  Settings settings("voting-logger",
                    "Lets each voter through once per election: Pub/Sub in, Redis, Pub/Sub out.");
  logger.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(logger.service)) return *code;
  return exit_code(voting_logger::run(std::move(logger)));
}
