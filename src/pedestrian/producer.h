#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/message.h"
#include "pedestrian/labels.h"

namespace pollbus::pedestrian {

// What the two cameras saw, as the bytes of image files; absent where there is no file.
struct SceneImages {
  std::optional<std::string> occluded;
  std::optional<std::string> occluding;
};

SceneImages load_images(const LabelledScene& scene, const std::string& folder);

// The record with which a scene enters the pipeline, with the boxes of its labels.
absl::StatusOr<Message> scene_message(const LabelledScene& scene, const SceneImages& images);

// A file with the Timestamp of the last scene that was published: where to go on after a restart.
// An empty name keeps nothing.
class Progress {
 public:
  explicit Progress(std::string file) : file_(std::move(file)) {}

  // Which scene is next. FAILED_PRECONDITION when the file names one that is not among them.
  absl::StatusOr<std::size_t> next(std::span<const LabelledScene> scenes) const;
  absl::Status remember(const LabelledScene& scene) const;

 private:
  const std::string file_;
};

}  // namespace pollbus::pedestrian
