// pedestrian-scenes: renders generated scenes with their true labels.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "base/files.h"
#include "base/service.h"
#include "base/status.h"
#include "pedestrian/image_codec.h"
#include "pedestrian/scene_generator.h"
#include "pedestrian/scene_renderer.h"

namespace pollbus::pedestrian {
namespace {

constexpr mode_t kOutputMode = 0644;
constexpr std::int64_t kMaxScenes = 100'000;
constexpr std::int64_t kMaxSeed = 999'999;

absl::Status write_scenes(const std::filesystem::path& folder, std::int64_t count,
                          std::int64_t seed) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(folder.string() + ": " + error.message());
  SceneGenerator generator(static_cast<std::uint64_t>(seed));
  std::vector<LabelledScene> scenes;
  for (std::int64_t i = 0; i < count; ++i) {
    const LabelledScene& scene = scenes.emplace_back(generator.next());
    RETURN_IF_ERROR(write_whole_file(folder / scene.occluded_image,
                                     encode_png(render_occluded_view(scene)), kOutputMode));
    RETURN_IF_ERROR(write_whole_file(folder / scene.occluding_image,
                                     encode_png(render_occluding_view(scene)), kOutputMode));
  }
  RETURN_IF_ERROR(write_whole_file(folder / "labels.csv", encode_labels(scenes), kOutputMode));
  std::cout << fmt::format("{} scenes in {}", count, folder.string()) << std::endl;
  return absl::OkStatus();
}

}  // namespace
}  // namespace pollbus::pedestrian

int main(int argc, char** argv) {
  using namespace pollbus;
  std::string out;
  std::int64_t count = 20;
  std::int64_t seed = 1;
  Settings settings("pedestrian-scenes",
                    "Renders generated scenes: a road, two cars, a pedestrian; and labels.csv.");
  settings.text({"out", "", "DIR", "Where they go"}, &out, check_not_empty);
  settings.integer({"scenes", "", "N", "How many"}, &count, 1, pedestrian::kMaxScenes);
  settings.integer({"seed", "", "S", "The same seed draws the same scenes"}, &seed, 0,
                   pedestrian::kMaxSeed);
  settings.rule([&]() -> std::optional<std::string> {
    if (!out.empty()) return std::nullopt;
    return "--out: expected the folder for the scenes";
  });
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  set_up_logging("pedestrian-scenes", LogFormat::kText, LogLevel::kWarning);
  return exit_code(pedestrian::write_scenes(out, count, seed));
}
