#include "pedestrian/scene_renderer.h"

#include <cmath>
#include <opencv2/imgproc.hpp>

#include "pedestrian/projection.h"
#include "pedestrian/scene_generator.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {
namespace {

// Blue, green, red.
const cv::Scalar kSkyAbove(214, 176, 140);
const cv::Scalar kSkyBelow(236, 222, 208);
const cv::Scalar kAsphalt(84, 86, 90);
const cv::Scalar kGrass(84, 124, 108);
const cv::Scalar kPavement(186, 192, 196);
const cv::Scalar kWhite(226, 230, 232);
const cv::Scalar kYellow(80, 190, 210);
const cv::Scalar kShadow(54, 56, 60);
const cv::Scalar kPaint(148, 28, 176);
const cv::Scalar kPaintInShade(96, 16, 116);
const cv::Scalar kGlass(120, 100, 84);
const cv::Scalar kTyre(30, 30, 32);
const cv::Scalar kTailLight(40, 40, 210);
const cv::Scalar kSkin(130, 160, 205);
const cv::Scalar kHair(40, 56, 84);
const cv::Scalar kShirt(176, 84, 92);
const cv::Scalar kTrousers(92, 92, 96);

// The number of fractional bits in the coordinates passed to OpenCV.
constexpr int kShift = 4;
// The edges of the road in world coordinates, in metres, as in the aerial view.
constexpr double kRoadLeft = 126;
constexpr double kRoadRight = 144.6;
constexpr double kPavementRight = 150.8;
constexpr double kDashedLines[] = {131.9, 138.7};
constexpr double kMiddleLines[] = {135.15, 135.4};
constexpr double kEdgeLine = 142.1;
constexpr double kLineWidth = 0.15;
constexpr double kFarM = 300;
constexpr double kDashM = 1.5;
constexpr double kDashPeriodM = 3;
constexpr int kDashes = 40;

// Draws the image of a camera that stands at a place on the road.
class Painter {
 public:
  Painter(const Camera& camera, Point place)
      : camera_(camera),
        place_(place),
        image_(static_cast<int>(camera.height_px), static_cast<int>(camera.width_px), CV_8UC3) {}

  void polygon(std::span<const Point3> outline, const cv::Scalar& colour) {
    std::vector<cv::Point> points;
    for (const ImagePoint& point : clip_to_image(project(outline, camera_), camera_)) {
      points.emplace_back(static_cast<int>(std::lround(point.x * (1 << kShift))),
                          static_cast<int>(std::lround(point.y * (1 << kShift))));
    }
    if (points.size() >= 3) cv::fillConvexPoly(image_, points, colour, cv::LINE_AA, kShift);
  }

  // A rectangle on the ground, in world coordinates.
  void ground(double back, double front, double left, double right, const cv::Scalar& colour) {
    const Face face{{{back - place_.x, left - place_.y, 0},
                     {back - place_.x, right - place_.y, 0},
                     {front - place_.x, right - place_.y, 0},
                     {front - place_.x, left - place_.y, 0}}};
    polygon(face, colour);
  }

  // An upright rectangle that faces the camera.
  void upright(double ahead, double left, double right, double bottom, double top,
               const cv::Scalar& colour) {
    const Face face{
        {{ahead, left, bottom}, {ahead, right, bottom}, {ahead, right, top}, {ahead, left, top}}};
    polygon(face, colour);
  }

  // An ellipse that faces the camera.
  void disc(double ahead, double right, double up, double half_width, double half_height,
            const cv::Scalar& colour) {
    constexpr int kCorners = 24;
    std::vector<Point3> outline;
    for (int i = 0; i < kCorners; ++i) {
      const double angle = 2 * M_PI * i / kCorners;
      outline.push_back(
          {ahead, right + half_width * std::cos(angle), up + half_height * std::sin(angle)});
    }
    polygon(outline, colour);
  }

  void sky() {
    const int horizon = image_.rows / 2;
    for (int y = 0; y < horizon; ++y) {
      const double share = static_cast<double>(y) / horizon;
      image_.row(y) = kSkyAbove * (1 - share) + kSkyBelow * share;
    }
    image_.rowRange(horizon, image_.rows) = kGrass;
  }

  const cv::Mat& image() const { return image_; }
  Point place() const { return place_; }

 private:
  const Camera camera_;
  const Point place_;
  cv::Mat image_;
};

void line(Painter& painter, double y, double from, double to, const cv::Scalar& colour) {
  painter.ground(from, to, y - kLineWidth / 2, y + kLineWidth / 2, colour);
}

void buildings(Painter& painter) {
  for (int i = 11; i >= 0; --i) {
    const double ahead = 24 + 11 * i;
    const double height = 6 + (i * 7) % 5 * 2.2;
    const cv::Scalar wall(150 + i % 3 * 18, 160 + i % 4 * 14, 172 + i % 2 * 20);
    const double right = kPavementRight - painter.place().y + 2;
    const double left = kRoadLeft - painter.place().y - 8;
    painter.upright(ahead, right, right + 14, 0, height, wall);
    painter.upright(ahead, left - 14, left, 0, height * 0.8, wall * 0.9);
  }
}

void road(Painter& painter) {
  painter.sky();
  buildings(painter);
  const double here = painter.place().x;
  painter.ground(here, here + kFarM, kRoadLeft, kRoadRight, kAsphalt);
  painter.ground(here, here + kFarM, kRoadRight, kPavementRight, kPavement);
  for (const double y : kMiddleLines) line(painter, y, here, here + kFarM, kYellow);
  line(painter, kEdgeLine, here, here + kFarM, kWhite);
  const double first = std::floor(here / kDashPeriodM) * kDashPeriodM;
  for (const double y : kDashedLines) {
    for (int i = 0; i < kDashes; ++i) {
      const double from = first + i * kDashPeriodM;
      line(painter, y, from, from + kDashM, kWhite);
    }
  }
}

void shadow(Painter& painter, Point centre, Dimensions size) {
  painter.ground(centre.x - size.length / 2, centre.x + size.length / 2, centre.y - size.width / 2,
                 centre.y + size.width / 2, kShadow);
}

// Draws the body and the cabin of a car as cuboids seen from behind and from the left.
void car(Painter& painter, Point centre, Dimensions size) {
  constexpr double kBodyTop = 0.92;
  constexpr double kGround = 0.0;
  const Point way = centre - painter.place();
  shadow(painter, centre, {size.length + 0.3, size.width + 0.3});
  const auto body = cuboid(way, size, kGround, kBodyTop);
  const auto cabin =
      cuboid(way - Point{0.2, 0}, {size.length * 0.55, size.width * 0.84}, kBodyTop, kCarHeightM);
  for (const int face : {1, 3, 2, 5, 0})
    painter.polygon(body[face], face == 2 ? kPaintInShade : kPaint);
  for (const int face : {1, 3, 2, 0}) painter.polygon(cabin[face], kGlass);
  painter.polygon(cabin[5], kPaint);
  const double back = way.x - size.length / 2;
  const double left = way.y - size.width / 2;
  const double right = way.y + size.width / 2;
  painter.upright(back, left + 0.1, left + 0.55, 0.55, 0.8, kTailLight);
  painter.upright(back, right - 0.55, right - 0.1, 0.55, 0.8, kTailLight);
  painter.upright(back, way.y - 0.3, way.y + 0.3, 0.5, 0.66, kWhite);
  painter.upright(back, left, right, kGround, 0.22, kTyre);
  for (const double wheel : {0.22, 0.78}) {
    std::vector<Point3> rim;
    for (int i = 0; i < 20; ++i) {
      const double angle = 2 * M_PI * i / 20;
      rim.push_back({back + size.length * wheel + 0.34 * std::cos(angle), left,
                     0.34 + 0.34 * std::sin(angle)});
    }
    painter.polygon(rim, kTyre);
  }
}

void pedestrian(Painter& painter, Point place) {
  const Point way = place - painter.place();
  const double height = kPedestrianHeightM;
  const double half = kPedestrianSize.width / 2;
  shadow(painter, place, {0.5, 0.5});
  painter.upright(way.x, way.y - half * 0.62, way.y - half * 0.06, 0, height * 0.5, kTrousers);
  painter.upright(way.x, way.y + half * 0.06, way.y + half * 0.62, 0, height * 0.5, kTrousers);
  painter.upright(way.x, way.y - half * 0.72, way.y + half * 0.72, height * 0.46, height * 0.8,
                  kShirt);
  painter.upright(way.x, way.y - half, way.y - half * 0.74, height * 0.42, height * 0.78, kSkin);
  painter.upright(way.x, way.y + half * 0.74, way.y + half, height * 0.42, height * 0.78, kSkin);
  painter.disc(way.x, way.y, height * 0.9, half * 0.5, height * 0.1, kHair);
  painter.disc(way.x, way.y, height * 0.88, half * 0.4, height * 0.075, kSkin);
}

}  // namespace

cv::Mat render_occluded_view(const LabelledScene& scene) {
  Painter painter(pedestrian_side().camera, scene.car1);
  road(painter);
  pedestrian(painter, scene.pedestrian);
  return painter.image();
}

cv::Mat render_occluding_view(const LabelledScene& scene) {
  Painter painter(vehicle_side().camera, scene.car2);
  road(painter);
  pedestrian(painter, scene.pedestrian);
  car(painter, scene.car1, scene.car1_size);
  return painter.image();
}

}  // namespace pollbus::pedestrian
