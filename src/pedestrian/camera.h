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

// The distance in metres of an object of this height that stands on the road and has this box. The
// full height of the box, its lower edge and its upper edge each tell one; an edge at the image's
// border is the image's and tells nothing. The least of them is taken: whatever hides a part of an
// object makes it look smaller, and so farther. Positive and finite for any box.
double pinhole_depth(const Box& box, const Camera& camera, double object_height_m);

}  // namespace pollbus::pedestrian
