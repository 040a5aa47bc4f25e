#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pollbus::pedestrian {

// Images as files have them, by libpng and libjpeg-turbo: OpenCV's own module for this brings GDAL
// along, and with it three times the size of everything else.

// A PNG or JPEG as 8-bit blue, green, red; transparency and EXIF orientation are left out.
// INVALID_ARGUMENT for anything else, for damage, and for more than 50 million pixels.
absl::StatusOr<cv::Mat> decode_image(std::string_view bytes);

// Of 8-bit blue, green, red, as decode_image() gives it.
std::string encode_png(const cv::Mat& image);
// `quality` from 1 to 100.
std::string encode_jpeg(const cv::Mat& image, int quality);

}  // namespace pollbus::pedestrian
