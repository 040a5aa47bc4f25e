// pedestrian-consumer: saves the aerial views and prints how accurate they are.
#include <iostream>

#include "base/files.h"
#include "base/service.h"
#include "base/status.h"
#include "pedestrian/consumer.h"
#include "pedestrian/pipeline.h"
#include "pedestrian/presenter.h"
#include "pedestrian/stage_service.h"

namespace pollbus::pedestrian {
namespace {

constexpr mode_t kOutputMode = 0644;
constexpr std::int64_t kMaxCount = 1'000'000'000;

struct ConsumerSettings {
  ServiceSettings service;
  WorkerConfig worker = stage_worker_config(stage::kConsumer);
  std::string out;
  std::string labels;
  std::string images;
  std::string summary;
  std::int64_t count = 0;

  void add_to(Settings& settings) {
    settings.text({"out", "VIEWS_DIR", "DIR",
                   "The folder for the views: <Timestamp>.png each, and views.csv"},
                  &out, check_not_empty);
    settings.text({"labels", "LABELS_FILE", "FILE",
                   "labels.csv with the true positions; they are drawn into the views, and the "
                   "errors printed"},
                  &labels, check_not_empty);
    settings.text({"images", "IMAGES_DIR", "DIR",
                   "The folder of the camera frames that the labels name. With it, each view also "
                   "gets a sheet that shows both frames beside it, in the folder sheets"},
                  &images, check_not_empty);
    settings.integer({"count", "", "N", "End when the folder holds N views; 0: run until stopped"},
                     &count, 0, kMaxCount);
    settings.text({"summary", "", "FILE", "Write the summary there too, as JSON"}, &summary,
                  check_not_empty);
    settings.rule([this]() -> std::optional<std::string> {
      if (images.empty() || !labels.empty()) return std::nullopt;
      return "IMAGES_DIR: needs LABELS_FILE, which names the frames of each scene";
    });
    settings.rule([this]() -> std::optional<std::string> {
      if (!out.empty()) return std::nullopt;
      return "VIEWS_DIR: expected the folder for the views";
    });
    worker.add_to(settings);
    service.add_to(settings);
  }
};

absl::StatusOr<std::vector<LabelledScene>> load_scenes(const std::string& labels) {
  if (labels.empty()) return std::vector<LabelledScene>();
  return load_labels(labels);
}

absl::Status run(const ConsumerSettings& settings) {
  Service service("pedestrian-consumer", settings.service);
  ASSIGN_OR_RETURN(auto scenes, load_scenes(settings.labels));
  ASSIGN_OR_RETURN(const auto truths, truths_of(scenes));
  ASSIGN_OR_RETURN(const auto presenter, Presenter::make(std::move(scenes), settings.images));
  ASSIGN_OR_RETURN(const auto store, ViewStore::open(settings.out));
  RETURN_IF_ERROR(service.start_http());
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));
  Dependency folder("folder", settings.out, service.clock(), service.readiness(),
                    service.metrics());
  folder.report("open", absl::OkStatus());

  const auto end_when_all_are_there = [&] {
    if (settings.count > 0 && static_cast<std::int64_t>(store->views().size()) >= settings.count)
      service.shutdown().request();
  };
  const auto on_view = [&](const View& view) {
    const auto truth = truths.find(view.timestamp);
    std::cout << view_line(view, truth == truths.end() ? nullptr : &truth->second) << std::endl;
    end_when_all_are_there();
  };
  Consumer consumer({worker->outbox(), *store, presenter, folder, service.clock()}, on_view,
                    service.metrics());
  end_when_all_are_there();
  RETURN_IF_ERROR(
      worker->start([&](auto batch, auto stop) { return consumer.handle(batch, stop); }));
  worker->wait_and_drain();
  const Summary summary = summarise(store->views(), truths);
  std::cout << "\n" << summary_text(summary) << std::flush;
  if (settings.summary.empty()) return absl::OkStatus();
  return write_whole_file(settings.summary, summary_json(summary), kOutputMode);
}

}  // namespace
}  // namespace pollbus::pedestrian

int main(int argc, char** argv) {
  using namespace pollbus;
  pedestrian::ConsumerSettings consumer;
  Settings settings("pedestrian-consumer",
                    "Saves the aerial views, prints the positions in them, and sums up.");
  consumer.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(consumer.service)) return *code;
  return exit_code(pedestrian::run(consumer));
}
