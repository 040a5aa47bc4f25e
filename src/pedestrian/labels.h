#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// One row of labels.csv: the true places, the names of the two image files, and the boxes of the
// pedestrian (in the image of camera A) and of car 1 (in the image of camera B).
struct LabelledScene {
  std::string timestamp;
  Point car1;
  Dimensions car1_size;
  Point car2;
  Dimensions car2_size;
  Point pedestrian;
  Box pedestrian_box;
  Box car_box;
  std::string occluded_image;
  std::string occluding_image;
};

// Finds columns by name and ignores unknown ones. INVALID_ARGUMENT with line and column when a
// value is missing or is not a number. Quoted fields are not supported: the file holds only numbers
// and file names.
absl::StatusOr<std::vector<LabelledScene>> parse_labels(std::string_view csv);
absl::StatusOr<std::vector<LabelledScene>> load_labels(const std::string& file);
std::string encode_labels(std::span<const LabelledScene> scenes);

}  // namespace pollbus::pedestrian
