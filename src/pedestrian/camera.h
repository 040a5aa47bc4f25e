#pragma once

#include <cstdint>

#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// A camera without distortion that looks ahead along the horizon from the middle of its car.
struct Camera {
  double focal_px = 0;
  double mounting_height_m = 1.52;  // above the road
  std::int64_t width_px = 1920;
  std::int64_t height_px = 1080;

  Point centre() const {
    return {static_cast<double>(width_px) / 2, static_cast<double>(height_px) / 2};
  }
};

// Estimates the distance, in metres, of an object of known height that stands on the road. The
// height of the box, its lower edge and its upper edge each give an estimate; an edge at the border
// of the image gives none, because the object may continue beyond it. The smallest estimate is
// returned: an object that is partly hidden looks smaller, and therefore farther away, than it is.
// The result is positive and finite for any box.
double pinhole_depth(const Box& box, const Camera& camera, double object_height_m);

}  // namespace pollbus::pedestrian
