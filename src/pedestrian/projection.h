#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "pedestrian/camera.h"
#include "pedestrian/geometry.h"

// How things on the road look to a camera. Plain functions.
namespace pollbus::pedestrian {

// Seen from below the camera's place: metres ahead, to the right, and above the road.
struct Point3 {
  double ahead = 0;
  double right = 0;
  double up = 0;
};

struct ImagePoint {
  double x = 0;
  double y = 0;
};

// A flat polygon's outline in the image, which may reach beyond it; empty when all of it is behind.
std::vector<ImagePoint> project(std::span<const Point3> polygon, const Camera& camera);

// What of that outline lies in the image.
std::vector<ImagePoint> clip_to_image(std::span<const ImagePoint> outline, const Camera& camera);

using Face = std::array<Point3, 4>;
// The six faces of a box on the road: back (towards the camera), front, left, right, bottom, top.
std::array<Face, 6> cuboid(Point centre, Dimensions size, double bottom_m, double top_m);

// What of such faces the image shows, as a detector would box it.
std::optional<Box> visible_box(std::span<const Face> faces, const Camera& camera);

}  // namespace pollbus::pedestrian
