#include "pedestrian/aerial_view.h"

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include "pedestrian/files.h"
#include "pedestrian/image_codec.h"

namespace pollbus::pedestrian {
namespace {

// Blue, green, red.
const cv::Scalar kBlue(255, 0, 0);
const cv::Scalar kCyan(255, 255, 0);
const cv::Scalar kMagenta(255, 0, 255);
const cv::Scalar kAsphalt(80, 84, 88);
const cv::Scalar kPavement(196, 202, 204);
const cv::Scalar kGround(140, 150, 152);
const cv::Scalar kWhite(230, 234, 236);
const cv::Scalar kYellow(90, 200, 215);

constexpr int kWidth = 800;
constexpr int kHeight = 600;
constexpr int kLineWidth = 4;
constexpr int kDashLength = 44;
constexpr int kDashPeriod = 88;
// Where the road's lines and edges are, in metres of the world.
constexpr double kDashedLines[] = {131.9, 138.7};
constexpr double kMiddleLine = 135.15;
constexpr double kMiddleGap = 0.25;
constexpr double kEdgeLine = 142.1;
constexpr double kKerb = 144.6;
constexpr double kPavementEnd = 150.8;

int column_of(double y) { return static_cast<int>(std::lround(aerial_pixel({0, y}).x)); }

void stripe(cv::Mat& picture, double y, int top, int bottom, const cv::Scalar& colour) {
  const int left = column_of(y) - kLineWidth / 2;
  cv::rectangle(picture, cv::Point(left, top), cv::Point(left + kLineWidth - 1, bottom), colour,
                cv::FILLED);
}

cv::Mat plain_road() {
  cv::Mat picture(kHeight, kWidth, CV_8UC3, kAsphalt);
  const auto fill = [&](double from, double to, const cv::Scalar& colour) {
    cv::rectangle(picture, cv::Point(column_of(from), 0), cv::Point(column_of(to), kHeight), colour,
                  cv::FILLED);
  };
  fill(kKerb, kPavementEnd, kPavement);
  fill(kPavementEnd, kPavementEnd + 10, kGround);
  for (const double y : kDashedLines) {
    for (int top = 0; top < kHeight; top += kDashPeriod)
      stripe(picture, y, top, top + kDashLength, kWhite);
  }
  stripe(picture, kMiddleLine, 0, kHeight, kYellow);
  stripe(picture, kMiddleLine + kMiddleGap, 0, kHeight, kYellow);
  stripe(picture, kEdgeLine, 0, kHeight, kWhite);
  return picture;
}

void draw(cv::Mat& picture, const PixelRectangle& where, const cv::Scalar& colour) {
  cv::rectangle(picture, cv::Point(where.left, where.top), cv::Point(where.right, where.bottom),
                colour, cv::FILLED);
}

}  // namespace

absl::StatusOr<cv::Mat> aerial_background(const std::string& file) {
  if (file.empty()) return plain_road();
  const auto bytes = read_whole_file(file);
  auto picture = bytes ? decode_image(*bytes) : absl::NotFoundError("no such file");
  if (!picture.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("background {}: cannot be read as a picture", file));
  }
  return picture;
}

cv::Mat draw_aerial_view(const cv::Mat& background, const AerialScene& scene) {
  cv::Mat picture = background.clone();
  draw(picture, aerial_rectangle(scene.car2, scene.car2_size), kBlue);
  if (scene.car1) draw(picture, aerial_rectangle(*scene.car1, scene.car1_size), kCyan);
  if (scene.pedestrian) {
    const double width = scene.pedestrian_width_m;
    draw(picture, aerial_rectangle(*scene.pedestrian, {width, width}), kMagenta);
  }
  return picture;
}

}  // namespace pollbus::pedestrian
