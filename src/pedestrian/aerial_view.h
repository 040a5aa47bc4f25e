#pragma once

#include <opencv2/core/mat.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "pedestrian/aerial.h"

namespace pollbus::pedestrian {

// Loads the background of the view from a file. With an empty name it draws a plain road.
// INVALID_ARGUMENT, naming the file, when the file is not an image.
absl::StatusOr<cv::Mat> aerial_background(const std::string& file);

// Draws car 2 in blue, car 1 in cyan and the pedestrian in magenta, each at the pixels that
// aerial_rectangle() gives. Adds a legend with the scene's Timestamp and the distances, the
// direction of travel, a scale, and the line of sight from car 2 to the pedestrian. The same scene
// gives the same picture.
cv::Mat draw_aerial_view(const cv::Mat& background, const AerialScene& scene);

}  // namespace pollbus::pedestrian
