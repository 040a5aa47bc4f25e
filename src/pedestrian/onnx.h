#pragma once

#include <opencv2/dnn.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace pollbus::pedestrian {

// Loads a network from an ONNX file. INVALID_ARGUMENT, naming the file, when it is missing or when
// OpenCV's DNN module cannot read it.
absl::StatusOr<cv::dnn::Net> load_onnx(const std::string& file);

// Runs the network once. INVALID_ARGUMENT when it does not accept the input. Not thread-safe.
absl::StatusOr<cv::Mat> run_onnx(cv::dnn::Net& net, const cv::Mat& input);

}  // namespace pollbus::pedestrian
