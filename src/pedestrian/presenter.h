#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/labels.h"
#include "pedestrian/scores.h"

namespace pollbus::pedestrian {

// The pictures that are kept of one view, as PNG.
struct Pictures {
  std::string view;
  // Both camera frames beside the view; absent when no frames were given.
  std::optional<std::string> sheet;
};

// Adds to a view what only the consumer knows: the true places beside the found ones, and the two
// camera frames with the boxes that were found in them. Thread-safe.
class Presenter {
 public:
  // Without labels a view stays as it came, and has no sheet. `images`: the folder of the camera
  // frames that the labels name; empty: no sheets. INVALID_ARGUMENT for a Timestamp that no record
  // can have.
  static absl::StatusOr<Presenter> make(std::vector<LabelledScene> scenes, std::string images);

  // INVALID_ARGUMENT when the picture of a labelled scene cannot be read.
  absl::StatusOr<Pictures> present(const View& view, std::string picture) const;

  // Null for a Timestamp without a label.
  const LabelledScene* truth_of(const std::string& timestamp) const;

 private:
  Presenter(std::map<std::string, LabelledScene> scenes, std::string images)
      : scenes_(std::move(scenes)), images_(std::move(images)) {}

  std::map<std::string, LabelledScene> scenes_;  // by the Timestamp that records have
  std::string images_;
};

}  // namespace pollbus::pedestrian
