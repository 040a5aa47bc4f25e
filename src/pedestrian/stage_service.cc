#include "pedestrian/stage_service.h"

#include "base/service.h"
#include "base/status.h"
#include "pedestrian/handler.h"
#include "pedestrian/pipeline.h"

namespace pollbus::pedestrian {
namespace {

constexpr std::size_t kMaxBatchRecords = 4;
constexpr std::int64_t kMaxOutstandingRecords = 8;

struct StageSettings {
  explicit StageSettings(const std::string& stage)
      : worker(stage_worker_config(stage)),
        next_subscription(stage_subscription(next_stage(stage))) {}

  ServiceSettings service;
  WorkerConfig worker;
  std::string next_subscription;

  void add_to(Settings& settings) {
    worker.add_to(settings);
    settings.text({"next-subscription", "NEXT_SUB_ID", "NAME",
                   "The next stage's subscription; created when missing, so that nothing is lost"},
                  &next_subscription, check_not_empty);
    service.add_to(settings);
  }
};

absl::Status run_stage(const StageProgram& program, StageSettings settings) {
  Service service(program.stage, settings.service);
  ASSIGN_OR_RETURN(auto made, program.make_step());
  log_info("works with", {{"what", made.description}});
  RETURN_IF_ERROR(service.start_http());
  const std::string next = next_stage(program.stage);
  settings.worker.downstream = {{settings.next_subscription, stage_filter(next)}};
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));
  Handler handler(worker->outbox(), program.stage, next, std::move(made.step), service.metrics());
  RETURN_IF_ERROR(
      worker->start([&](auto batch, auto stop) { return handler.handle(batch, stop); }));
  worker->wait_and_drain();
  return absl::OkStatus();
}

}  // namespace

WorkerConfig stage_worker_config(const std::string& stage) {
  return {.topic = kTopic,
          .subscription = stage_subscription(stage),
          .subscription_variable = "STAGE_SUB_ID",
          .filter = stage_filter(stage),
          .subscriber = {.max_batch_messages = kMaxBatchRecords,
                         .max_outstanding_messages = kMaxOutstandingRecords}};
}

int StageProgram::run(int argc, char** argv) const {
  StageSettings stage_settings(stage);
  Settings settings(stage, purpose);
  add_to(settings);
  stage_settings.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(stage_settings.service)) return *code;
  return exit_code(run_stage(*this, std::move(stage_settings)));
}

}  // namespace pollbus::pedestrian
