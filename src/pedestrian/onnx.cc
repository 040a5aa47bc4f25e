#include "pedestrian/onnx.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <opencv2/core/utils/logger.hpp>

namespace pollbus::pedestrian {
namespace {

constexpr std::size_t kMaxReasonBytes = 400;

// OpenCV's message, on one line.
std::string reason_of(const cv::Exception& error) {
  std::string reason = error.err.substr(0, kMaxReasonBytes);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return reason;
}

}  // namespace

absl::StatusOr<cv::dnn::Net> load_onnx(const std::string& file) {
  // OpenCV would log to standard error in its own format; its exceptions contain the same text.
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored))
    return absl::InvalidArgumentError(fmt::format("model {}: there is no such file", file));
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(file);
    if (net.empty()) return absl::InvalidArgumentError(fmt::format("model {}: is empty", file));
    return net;
  } catch (const cv::Exception& error) {
    return absl::InvalidArgumentError(
        fmt::format("model {}: expected an ONNX model that OpenCV's DNN module reads: {}", file,
                    reason_of(error)));
  }
}

absl::StatusOr<cv::Mat> run_onnx(cv::dnn::Net& net, const cv::Mat& input) {
  try {
    net.setInput(input);
    cv::Mat output = net.forward();
    if (output.type() != CV_32F)
      return absl::InvalidArgumentError("its output is not of 32-bit floating-point numbers");
    return output.isContinuous() ? output : output.clone();
  } catch (const cv::Exception& error) {
    return absl::InvalidArgumentError(fmt::format("it cannot be run: {}", reason_of(error)));
  }
}

}  // namespace pollbus::pedestrian
