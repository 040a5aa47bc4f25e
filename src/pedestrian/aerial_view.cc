#include "pedestrian/aerial_view.h"

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include "base/files.h"
#include "pedestrian/drawing.h"
#include "pedestrian/image_codec.h"
#include "pedestrian/line_of_sight.h"

namespace pollbus::pedestrian {
namespace {

// Blue, green, red.
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
// The lines and edges of the road in world coordinates, in metres.
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
  const auto lay = [&](double from, double to, const cv::Scalar& colour) {
    cv::rectangle(picture, cv::Point(column_of(from), 0), cv::Point(column_of(to), kHeight), colour,
                  cv::FILLED);
  };
  lay(kKerb, kPavementEnd, kPavement);
  lay(kPavementEnd, kPavementEnd + 10, kGround);
  for (const double y : kDashedLines) {
    for (int top = 0; top < kHeight; top += kDashPeriod)
      stripe(picture, y, top, top + kDashLength, kWhite);
  }
  stripe(picture, kMiddleLine, 0, kHeight, kYellow);
  stripe(picture, kMiddleLine + kMiddleGap, 0, kHeight, kYellow);
  stripe(picture, kEdgeLine, 0, kHeight, kWhite);
  return picture;
}

void fill(cv::Mat& picture, const PixelRectangle& where, const cv::Scalar& colour) {
  cv::rectangle(picture, cv::Point(where.left, where.top), cv::Point(where.right, where.bottom),
                colour, cv::FILLED);
}

cv::Point pixel_of(Point place) {
  const PixelRectangle where = aerial_rectangle(place, {0, 0});
  return {where.left, where.top};
}

// Draws a line from car 2 to the pedestrian: solid as far as car 2 can see, dashed from where car 1
// blocks the view.
void draw_line_of_sight(cv::Mat& picture, const AerialScene& scene) {
  const Point way = *scene.pedestrian - scene.car2;
  const double share =
      blocked_at(scene.car2, *scene.pedestrian, *scene.car1, scene.car1_size).value_or(1);
  const Point end_of_sight = scene.car2 + Point{share * way.x, share * way.y};
  cv::line(picture, pixel_of(scene.car2), pixel_of(end_of_sight), colour::kAmber, 2, cv::LINE_AA);
  if (share < 1)
    draw_dashed_line(picture, pixel_of(end_of_sight), pixel_of(*scene.pedestrian), colour::kAmber);
}

std::string way_text(Point way) {
  return fmt::format("  {:.1f} m ahead, {:.1f} m to the {}", way.x, std::abs(way.y),
                     way.y < 0 ? "left" : "right");
}

std::vector<LegendLine> legend_of(const AerialScene& scene) {
  std::vector<LegendLine> lines{{.text = "Scene " + scene.timestamp},
                                {Symbol::kFilled, colour::kBlue, "car 2, which is warned"}};
  if (!scene.car1) {
    lines.push_back({.text = "car 1: not found"});
    return lines;
  }
  lines.push_back({Symbol::kFilled, colour::kCyan, "car 1"});
  lines.push_back({.text = way_text(*scene.car1 - scene.car2)});
  if (!scene.pedestrian) {
    lines.push_back({.text = "pedestrian: not found"});
    return lines;
  }
  const bool is_blocked =
      blocked_at(scene.car2, *scene.pedestrian, *scene.car1, scene.car1_size).has_value();
  lines.push_back({Symbol::kFilled, colour::kMagenta, "pedestrian"});
  lines.push_back({.text = way_text(*scene.pedestrian - scene.car2)});
  lines.push_back({Symbol::kLine, colour::kAmber, "line of sight of car 2"});
  if (is_blocked) lines.push_back({Symbol::kDashedLine, colour::kAmber, "blocked by car 1"});
  return lines;
}

// Draws the direction of travel and a scale in the lower left corner.
void draw_direction_and_scale(cv::Mat& picture) {
  constexpr int kMargin = 24;
  constexpr int kArrowLength = 64;
  constexpr double kArrowTip = 0.25;
  constexpr int kScaleMetres = 5;
  constexpr int kTick = 6;
  const int bottom = picture.rows - kMargin;
  const int scale_length = static_cast<int>(std::lround(kScaleMetres * kAerialPixelsPerMetre));
  const cv::Point left(kMargin, bottom);
  const cv::Point right(kMargin + scale_length, bottom);
  for (const auto& [ink, width] : {std::pair(colour::kInk, 6), std::pair(colour::kWhite, 2)}) {
    cv::line(picture, left, right, ink, width);
    for (const cv::Point& end : {left, right})
      cv::line(picture, end - cv::Point(0, kTick), end + cv::Point(0, kTick), ink, width);
    const cv::Point foot(kMargin + kTick, bottom - 2 * kMargin);
    cv::arrowedLine(picture, foot, foot - cv::Point(0, kArrowLength), ink, width, cv::LINE_AA, 0,
                    kArrowTip);
  }
  write_label(picture, fmt::format("{} m", kScaleMetres), {right.x + kMargin / 2, bottom - 10});
  write_label(picture, "direction of travel",
              {2 * kMargin, bottom - 2 * kMargin - kArrowLength / 2});
}

void draw_distance(cv::Mat& picture, const AerialScene& scene) {
  const cv::Point kBeside(16, -8);
  write_label(picture, fmt::format("{:.1f} m away", length(*scene.pedestrian - scene.car2)),
              pixel_of(*scene.pedestrian) + kBeside);
}

}  // namespace

absl::StatusOr<cv::Mat> aerial_background(const std::string& file) {
  if (file.empty()) return plain_road();
  const auto bytes = read_whole_file(file);
  auto picture = bytes.ok() ? decode_image(*bytes) : bytes.status();
  if (!picture.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("background {}: cannot be read as a picture", file));
  }
  return picture;
}

cv::Mat draw_aerial_view(const cv::Mat& background, const AerialScene& scene) {
  const cv::Point kLegendPlace(10, 10);
  cv::Mat picture = background.clone();
  draw_direction_and_scale(picture);
  draw_legend(picture, kLegendPlace, legend_of(scene));
  // Cars and pedestrian are drawn last, so that no annotation covers them.
  if (scene.pedestrian) draw_line_of_sight(picture, scene);
  fill(picture, aerial_rectangle(scene.car2, scene.car2_size), colour::kBlue);
  if (scene.car1) fill(picture, aerial_rectangle(*scene.car1, scene.car1_size), colour::kCyan);
  if (scene.pedestrian) {
    const double width = scene.pedestrian_width_m;
    draw_distance(picture, scene);
    fill(picture, aerial_rectangle(*scene.pedestrian, {width, width}), colour::kMagenta);
  }
  return picture;
}

}  // namespace pollbus::pedestrian
