#pragma once

#include <opencv2/core/mat.hpp>

#include "pedestrian/labels.h"

// Renders what the two cameras of a generated scene see. The same scene gives the same pictures.
namespace pollbus::pedestrian {

// Camera A, on car 1: the road and the pedestrian.
cv::Mat render_occluded_view(const LabelledScene& scene);
// Camera B, on the ego vehicle: the road and car 1.
cv::Mat render_occluding_view(const LabelledScene& scene);

}  // namespace pollbus::pedestrian
