// pedestrian-train-location: trains the perceptrons that are embedded in the location services.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "base/files.h"
#include "base/service.h"
#include "base/status.h"
#include "pedestrian/scene_generator.h"
#include "pedestrian/scores.h"
#include "pedestrian/trainer.h"

namespace pollbus::pedestrian {
namespace {

constexpr mode_t kOutputMode = 0644;
constexpr std::size_t kTestScenes = 1'000;

std::vector<LabelledScene> draw_scenes(std::size_t count, std::uint64_t seed) {
  SceneGenerator generator(seed);
  std::vector<LabelledScene> scenes;
  for (std::size_t i = 0; i < count; ++i) scenes.push_back(generator.next());
  return scenes;
}

absl::Status train_and_write(const char* what, const std::vector<Example>& examples,
                             const std::vector<Example>& tests, const TrainingPlan& plan,
                             const std::filesystem::path& file) {
  const Perceptron perceptron = train(examples, plan);
  const Quantiles error = quantiles(errors_of(perceptron, tests));
  std::cout << fmt::format(
                   "{}: {} examples, {} epochs; on {} other scenes the error is {:.3f} m in "
                   "the median, p90 {:.3f} m",
                   what, examples.size(), plan.epochs, error.count, error.median, error.p90)
            << std::endl;
  return write_whole_file(file, perceptron.encode(), kOutputMode);
}

absl::Status run(const std::filesystem::path& folder, std::int64_t count, std::int64_t epochs,
                 std::int64_t seed_number) {
  const auto seed = static_cast<std::uint64_t>(seed_number);
  const auto scenes = draw_scenes(static_cast<std::size_t>(count), seed);
  const auto tests = draw_scenes(kTestScenes, seed + 1);
  TrainingPlan plan{.output_scale = {15, 5}, .epochs = static_cast<int>(epochs), .seed = seed};
  RETURN_IF_ERROR(train_and_write("pedestrians, camera A", pedestrian_examples(scenes, seed),
                                  pedestrian_examples(tests, seed + 1), plan,
                                  folder / "location_pedestrian.json"));
  plan.output_scale = {25, 10};
  return train_and_write("vehicles, camera B", vehicle_examples(scenes, seed),
                         vehicle_examples(tests, seed + 1), plan, folder / "location_vehicle.json");
}

}  // namespace
}  // namespace pollbus::pedestrian

int main(int argc, char** argv) {
  using namespace pollbus;
  std::string out = ".";
  std::int64_t scenes = 3'000;
  std::int64_t epochs = 400;
  std::int64_t seed = 1;
  Settings settings("pedestrian-train-location",
                    "Trains the two location perceptrons on generated scenes.");
  settings.text({"out", "", "DIR", "Where location_pedestrian.json and location_vehicle.json go"},
                &out, check_not_empty);
  settings.integer({"scenes", "", "N", "Generated scenes to learn from"}, &scenes, 1, 1'000'000);
  settings.integer({"epochs", "", "N", "How often each is looked at"}, &epochs, 1, 1'000'000);
  settings.integer({"seed", "", "S", "The same seed makes the same perceptrons"}, &seed, 0,
                   999'998);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  set_up_logging("pedestrian-train-location", LogFormat::kText, LogLevel::kWarning);
  return exit_code(pedestrian::run(out, scenes, epochs, seed));
}
