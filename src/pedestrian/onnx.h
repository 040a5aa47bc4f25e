#pragma once

#include <opencv2/dnn.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace pollbus::pedestrian {

// A network from an ONNX file. INVALID_ARGUMENT, naming the file, when there is none that OpenCV's
// DNN module can run.
absl::StatusOr<cv::dnn::Net> load_onnx(const std::string& file);

// One run of it. INVALID_ARGUMENT when it cannot be run on that. One thread at a time.
absl::StatusOr<cv::Mat> run_onnx(cv::dnn::Net& net, const cv::Mat& input);

}  // namespace pollbus::pedestrian
