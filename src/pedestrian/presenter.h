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

// The pictures of one view, as PNG files.
struct Pictures {
  std::string view;
  // Both camera frames beside the view; absent when no frames were given.
  std::optional<std::string> sheet;
};

// Adds to a view what only the consumer knows: the true places, and a sheet with the two camera
// frames and the boxes that were found in them. Thread-safe.
class Presenter {
 public:
  // A view without a label is left unchanged and gets no sheet. `images` is the folder of the
  // camera frames that the labels name; when it is empty, no sheets are made. INVALID_ARGUMENT when
  // a label has a Timestamp that is not allowed in a record.
  static absl::StatusOr<Presenter> make(std::vector<LabelledScene> scenes, std::string images);

  // INVALID_ARGUMENT when the picture of a labelled scene cannot be decoded.
  absl::StatusOr<Pictures> present(const View& view, std::string picture) const;

  // Null for a Timestamp without a label.
  const LabelledScene* truth_of(const std::string& timestamp) const;

 private:
  Presenter(std::map<std::string, LabelledScene> scenes, std::string images)
      : scenes_(std::move(scenes)), images_(std::move(images)) {}

  std::map<std::string, LabelledScene> scenes_;  // by Timestamp, written as in records
  std::string images_;
};

}  // namespace pollbus::pedestrian
