#include "pedestrian/camera.h"

#include <algorithm>
#include <limits>

namespace pollbus::pedestrian {
namespace {

// An edge this close to the border is where the image ends, not the object.
constexpr double kBorderPx = 3;
// Edges this close to the horizon are not used: there, one pixel corresponds to metres.
constexpr double kLeastBelowHorizonPx = 10;
constexpr double kLeastHeightPx = 1;

}  // namespace

double pinhole_depth(const Box& box, const Camera& camera, double object_height_m) {
  const double horizon = camera.centre().y;
  const bool sees_top = box.y1 > kBorderPx;
  const bool sees_bottom = box.y2 < static_cast<double>(camera.height_px) - kBorderPx;
  const auto distance = [&](double metres, double pixels) {
    return camera.focal_px * metres / pixels;
  };

  double nearest = std::numeric_limits<double>::infinity();
  if (sees_top && sees_bottom)
    nearest = distance(object_height_m, std::max(box.height(), kLeastHeightPx));
  if (sees_bottom && box.y2 - horizon > kLeastBelowHorizonPx)
    nearest = std::min(nearest, distance(camera.mounting_height_m, box.y2 - horizon));
  const double above_m = camera.mounting_height_m - object_height_m;
  if (sees_top && above_m > 0 && box.y1 - horizon > kLeastBelowHorizonPx)
    nearest = std::min(nearest, distance(above_m, box.y1 - horizon));
  if (std::isfinite(nearest)) return nearest;
  // Neither edge gives an estimate. The visible height gives an upper bound.
  return distance(object_height_m, std::max(box.height(), kLeastHeightPx));
}

}  // namespace pollbus::pedestrian
