#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// A scene as labels.csv tells it: who is where, what the two cameras' images are called and which
// boxes the pedestrian (camera A) and car 1 (camera B) have in them.
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

// Columns are found by their names, others are ignored. INVALID_ARGUMENT with line and column of
// what is missing or no number. No quotes: there are only numbers and names of files.
absl::StatusOr<std::vector<LabelledScene>> parse_labels(std::string_view csv);
absl::StatusOr<std::vector<LabelledScene>> load_labels(const std::string& file);
std::string encode_labels(std::span<const LabelledScene> scenes);

}  // namespace pollbus::pedestrian
