#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pollbus::pedestrian {

// Encodes and decodes image files with libpng and libjpeg-turbo. OpenCV's own module for this
// depends on GDAL, which would triple the size of the container images.

// Decodes a PNG or JPEG to 8-bit blue, green, red; ignores transparency and EXIF orientation.
// INVALID_ARGUMENT for other formats, damaged files and images of more than 50 million pixels.
absl::StatusOr<cv::Mat> decode_image(std::string_view bytes);

// Both take 8-bit blue, green, red, as decode_image() returns it.
std::string encode_png(const cv::Mat& image);
// `quality` from 1 to 100.
std::string encode_jpeg(const cv::Mat& image, int quality);

}  // namespace pollbus::pedestrian
