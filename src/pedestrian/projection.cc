#include "pedestrian/projection.h"

#include <algorithm>
#include <functional>

namespace pollbus::pedestrian {
namespace {

// Points nearer to the camera than this are not projected.
constexpr double kNearM = 0.2;

// Clips a convex polygon at a border; `inside` is negative on the side that is cut off.
template <typename Vertex, typename Inside, typename Between>
std::vector<Vertex> cut(std::span<const Vertex> polygon, const Inside& inside,
                        const Between& between) {
  std::vector<Vertex> kept;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Vertex& here = polygon[i];
    const Vertex& next = polygon[(i + 1) % polygon.size()];
    const double from = inside(here);
    const double to = inside(next);
    if (from >= 0) kept.push_back(here);
    if ((from >= 0) != (to >= 0)) kept.push_back(between(here, next, from / (from - to)));
  }
  return kept;
}

Point3 between(const Point3& a, const Point3& b, double share) {
  return {a.ahead + share * (b.ahead - a.ahead), a.right + share * (b.right - a.right),
          a.up + share * (b.up - a.up)};
}

ImagePoint between2(const ImagePoint& a, const ImagePoint& b, double share) {
  return {a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)};
}

}  // namespace

std::vector<ImagePoint> project(std::span<const Point3> polygon, const Camera& camera) {
  const auto in_front = cut(
      polygon, [](const Point3& point) { return point.ahead - kNearM; }, between);
  std::vector<ImagePoint> outline;
  const Point centre = camera.centre();
  for (const Point3& point : in_front) {
    outline.push_back(
        {centre.x + camera.focal_px * point.right / point.ahead,
         centre.y + camera.focal_px * (camera.mounting_height_m - point.up) / point.ahead});
  }
  return outline;
}

std::vector<ImagePoint> clip_to_image(std::span<const ImagePoint> outline, const Camera& camera) {
  const auto width = static_cast<double>(camera.width_px);
  const auto height = static_cast<double>(camera.height_px);
  const std::function<double(const ImagePoint&)> borders[] = {
      [](const ImagePoint& point) { return point.x; },
      [](const ImagePoint& point) { return point.y; },
      [width](const ImagePoint& point) { return width - point.x; },
      [height](const ImagePoint& point) { return height - point.y; }};
  std::vector<ImagePoint> kept(outline.begin(), outline.end());
  for (const auto& inside : borders)
    kept = cut(std::span<const ImagePoint>(kept), inside, between2);
  return kept;
}

std::array<Face, 6> cuboid(Point centre, Dimensions size, double bottom_m, double top_m) {
  const double back = centre.x - size.length / 2;
  const double front = centre.x + size.length / 2;
  const double left = centre.y - size.width / 2;
  const double right = centre.y + size.width / 2;
  const auto across = [&](double ahead) -> Face {
    return {{{ahead, left, bottom_m},
             {ahead, right, bottom_m},
             {ahead, right, top_m},
             {ahead, left, top_m}}};
  };
  const auto along = [&](double side) -> Face {
    return {{{back, side, bottom_m},
             {front, side, bottom_m},
             {front, side, top_m},
             {back, side, top_m}}};
  };
  const auto flat = [&](double up) -> Face {
    return {{{back, left, up}, {back, right, up}, {front, right, up}, {front, left, up}}};
  };
  return {across(back), across(front), along(left), along(right), flat(bottom_m), flat(top_m)};
}

std::optional<Box> visible_box(std::span<const Face> faces, const Camera& camera) {
  std::optional<Box> box;
  for (const Face& face : faces) {
    for (const ImagePoint& point : clip_to_image(project(face, camera), camera)) {
      if (!box) box = Box{point.x, point.y, point.x, point.y};
      box->x1 = std::min(box->x1, point.x);
      box->y1 = std::min(box->y1, point.y);
      box->x2 = std::max(box->x2, point.x);
      box->y2 = std::max(box->y2, point.y);
    }
  }
  return box;
}

}  // namespace pollbus::pedestrian
