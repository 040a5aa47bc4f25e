#pragma once

#include <opencv2/core/mat.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "pedestrian/aerial.h"

namespace pollbus::pedestrian {

// The picture below the view: from a file, or, when `file` is empty, a plain road that the program
// draws. INVALID_ARGUMENT, naming the file, when it is no picture.
absl::StatusOr<cv::Mat> aerial_background(const std::string& file);

// The scene on the background: car 2 blue, car 1 cyan, the pedestrian magenta, each at the pixels
// of aerial_rectangle(). Around them whatever explains them: a legend with the scene's Timestamp
// and the distances, the direction of travel, a scale, and car 2's line of sight to the pedestrian,
// which car 1 blocks. The same scene gives the same picture.
cv::Mat draw_aerial_view(const cv::Mat& background, const AerialScene& scene);

}  // namespace pollbus::pedestrian
