#include "pedestrian/producer.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "base/status.h"
#include "pedestrian/images.h"
#include "pedestrian/pipeline.h"
#include "pedestrian/record.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {
namespace {

constexpr mode_t kOutputMode = 0644;

absl::StatusOr<std::optional<std::string>> read_if_present(const std::filesystem::path& file) {
  auto bytes = read_whole_file(file);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  if (!bytes.ok()) return bytes.status();
  return std::optional(*std::move(bytes));
}

}  // namespace

absl::StatusOr<SceneImages> load_images(const LabelledScene& scene, const std::string& folder) {
  const std::filesystem::path path(folder);
  SceneImages images;
  ASSIGN_OR_RETURN(images.occluded, read_if_present(path / scene.occluded_image));
  ASSIGN_OR_RETURN(images.occluding, read_if_present(path / scene.occluding_image));
  return images;
}

absl::StatusOr<Message> scene_message(const LabelledScene& scene, const SceneImages& images) {
  ASSIGN_OR_RETURN(auto record, Record::with_timestamp(scene.timestamp));
  const Side pedestrian = pedestrian_side();
  const Side vehicle = vehicle_side();
  record.set("Car2_Location", std::vector<double>{scene.car2.x, scene.car2.y});
  record.set("Car1_dimensions", std::vector<double>{scene.car1_size.length, scene.car1_size.width});
  record.set("Car2_dimensions", std::vector<double>{scene.car2_size.length, scene.car2_size.width});
  record.set(pedestrian.labelled_boxes, std::vector<Box>{scene.pedestrian_box});
  record.set(vehicle.labelled_boxes, std::vector<Box>{scene.car_box});
  if (images.occluded) record.set(pedestrian.image, encode_base64(*images.occluded));
  if (images.occluding) record.set(vehicle.image, encode_base64(*images.occluding));
  ASSIGN_OR_RETURN(auto data, encode_within_limit(std::move(record)));
  return Message{std::move(data), {{kStageAttribute, stage::kPedestrianDetection}}};
}

absl::StatusOr<std::size_t> Progress::next(std::span<const LabelledScene> scenes) const {
  if (file_.empty()) return 0;
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return 0;
  std::ifstream stream(file_);
  std::string last;
  std::getline(stream, last);
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    if (scenes[i].timestamp == last) return i + 1;
  }
  return absl::FailedPreconditionError(fmt::format(
      "progress {}: names a scene that the labels do not contain; remove the file to begin again",
      file_));
}

absl::Status Progress::remember(const LabelledScene& scene) const {
  if (file_.empty()) return absl::OkStatus();
  return write_whole_file(file_, scene.timestamp + "\n", kOutputMode);
}

}  // namespace pollbus::pedestrian
