#pragma once

#include <functional>
#include <memory>
#include <opencv2/core/mat.hpp>
#include <string>

#include "absl/status/status.h"
#include "base/message.h"
#include "pedestrian/depth.h"
#include "pedestrian/detector.h"
#include "pedestrian/perceptron.h"
#include "pedestrian/record.h"
#include "pedestrian/side.h"

// What each stage adds to a record and drops from it; docs/pedestrian.md has the table.
namespace pollbus::pedestrian {

// Changes the record and the attributes of the message. An error is permanent: it says why this
// record can never be processed.
using Step = std::function<absl::Status(Record& record, Attributes& attributes)>;

Step detection_step(const Side& side, std::shared_ptr<Detector> detector);
Step depth_step(const Side& side, std::shared_ptr<DepthEstimator> estimator);
Step location_step(const Side& side, Perceptron perceptron);
// `focal_px` is the focal length of the camera that saw the pedestrian.
Step aerial_view_step(cv::Mat background, double focal_px);

}  // namespace pollbus::pedestrian
