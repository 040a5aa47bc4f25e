#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/message.h"
#include "pedestrian/labels.h"

namespace pollbus::pedestrian {

// The frames of the two cameras, as the bytes of image files; absent when a file does not exist.
struct SceneImages {
  std::optional<std::string> occluded;
  std::optional<std::string> occluding;
};

// An image that does not exist is absent; one that cannot be read is an error.
absl::StatusOr<SceneImages> load_images(const LabelledScene& scene, const std::string& folder);

// Builds the message that starts a scene on its way through the pipeline.
absl::StatusOr<Message> scene_message(const LabelledScene& scene, const SceneImages& images);

// Remembers in a file which scene was published last, so that a restarted producer continues after
// it. With an empty name nothing is remembered.
class Progress {
 public:
  explicit Progress(std::string file) : file_(std::move(file)) {}

  // The index of the scene to publish next. FAILED_PRECONDITION when the file names a scene that
  // `scenes` does not contain.
  absl::StatusOr<std::size_t> next(std::span<const LabelledScene> scenes) const;
  absl::Status remember(const LabelledScene& scene) const;

 private:
  const std::string file_;
};

}  // namespace pollbus::pedestrian
