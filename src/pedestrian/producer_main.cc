// pedestrian-producer: publishes labelled scenes, one record each.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "base/service.h"
#include "base/status.h"
#include "pedestrian/pipeline.h"
#include "pedestrian/producer.h"
#include "pedestrian/stage_service.h"

namespace pollbus::pedestrian {
namespace {

struct ProducerSettings {
  ServiceSettings service;
  WorkerConfig worker{.topic = kTopic};
  std::string labels;
  std::string images;
  std::string progress;
  std::string first_subscription = stage_subscription(stage::kPedestrianDetection);
  double rate = 0;

  void add_to(Settings& settings);
};

void ProducerSettings::add_to(Settings& settings) {
  settings.text({"labels", "LABELS_FILE", "FILE", "labels.csv: scenes with their true positions"},
                &labels, check_not_empty);
  settings.text(
      {"images", "IMAGES_DIR", "DIR",
       "The folder of their images; without it, or where one is missing, a record has none"},
      &images, check_not_empty);
  settings.number({"rate", "PRODUCER_RATE", "R",
                   "Records a second; 0: each one as soon as the bus has kept the one before"},
                  &rate, 0, 1e6);
  settings.text({"progress", "PROGRESS_FILE", "FILE",
                 "Remembers in it what is published, and goes on after it when started again"},
                &progress, check_not_empty);
  settings.text({"next-subscription", "NEXT_SUB_ID", "NAME",
                 "The first stage's subscription; created when missing, so that nothing is lost"},
                &first_subscription, check_not_empty);
  settings.rule([this]() -> std::optional<std::string> {
    if (!labels.empty()) return std::nullopt;
    return "LABELS_FILE: expected the labels.csv of the scenes";
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (images.empty() || std::filesystem::is_directory(images)) return std::nullopt;
    return "IMAGES_DIR: expected a folder that is there";
  });
  worker.add_to(settings);
  service.add_to(settings);
}

// Waits until the next record is due. Returns false when a stop was requested.
bool wait_for_turn(Clock& clock, SteadyTime start, std::size_t published, double rate,
                   std::stop_token stop) {
  if (rate <= 0) return !stop.stop_requested();
  const auto due =
      start + std::chrono::duration_cast<std::chrono::nanoseconds>(
                  std::chrono::duration<double>(static_cast<double>(published) / rate));
  const auto now = clock.now();
  return now >= due ? !stop.stop_requested() : clock.pause(due - now, stop);
}

// Retries while the bus is unavailable. CANCELLED when a stop was requested first.
absl::Status publish(Worker& worker, Message message, Service& service) {
  message.attributes[kSentAttribute] = std::to_string(unix_ms(service.clock().wall_now()));
  return worker.dependency().hold_while(service.stop_token(), is_transient, [&] {
    return worker.publisher().publish({&message, 1});
  });
}

absl::Status run(ProducerSettings settings) {
  Service service("pedestrian-producer", settings.service);
  ASSIGN_OR_RETURN(const auto scenes, load_labels(settings.labels));
  const Progress progress(settings.progress);
  ASSIGN_OR_RETURN(const std::size_t first, progress.next(scenes));
  RETURN_IF_ERROR(service.start_http());
  settings.worker.downstream = {
      {settings.first_subscription, stage_filter(stage::kPedestrianDetection)}};
  ASSIGN_OR_RETURN(auto worker, Worker::open(settings.worker, service));
  RETURN_IF_ERROR(worker->prepare());

  int missing = 0;
  const SteadyTime start = service.clock().now();
  for (std::size_t i = first; i < scenes.size(); ++i) {
    if (!wait_for_turn(service.clock(), start, i - first, settings.rate, service.stop_token()))
      return absl::OkStatus();
    SceneImages images;
    if (!settings.images.empty()) {
      ASSIGN_OR_RETURN(images, load_images(scenes[i], settings.images));
    }
    missing += (images.occluded ? 0 : 1) + (images.occluding ? 0 : 1);
    auto message = scene_message(scenes[i], images);
    if (!message.ok()) return annotate(message.status(), "scene " + scenes[i].timestamp);
    RETURN_IF_ERROR(publish(*worker, *std::move(message), service));
    RETURN_IF_ERROR(progress.remember(scenes[i]));
    std::cout << fmt::format("published {} ({} of {})", scenes[i].timestamp, i + 1, scenes.size())
              << std::endl;
  }
  if (missing > 0) {
    log_warning("images not found; their records went without them", {{"images", missing}});
  }
  std::cout << fmt::format("{} records published", scenes.size() - first) << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace pollbus::pedestrian

int main(int argc, char** argv) {
  using namespace pollbus;
  pedestrian::ProducerSettings producer;
  Settings settings("pedestrian-producer",
                    "Publishes labelled scenes to the first stage, one record each.");
  producer.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  if (const auto code = health_check_exit_code(producer.service)) return *code;
  return exit_code(pedestrian::run(std::move(producer)));
}
