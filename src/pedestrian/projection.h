#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "pedestrian/camera.h"
#include "pedestrian/geometry.h"

// Projects things on the road into the image of a camera. Pure functions.
namespace pollbus::pedestrian {

// A point relative to the road below the camera: metres ahead, to the right, and above the road.
struct Point3 {
  double ahead = 0;
  double right = 0;
  double up = 0;
};

struct ImagePoint {
  double x = 0;
  double y = 0;
};

// The outline of a flat polygon in the image. It may extend beyond the image; it is empty when the
// whole polygon is behind the camera.
std::vector<ImagePoint> project(std::span<const Point3> polygon, const Camera& camera);

// The part of an outline that lies inside the image.
std::vector<ImagePoint> clip_to_image(std::span<const ImagePoint> outline, const Camera& camera);

using Face = std::array<Point3, 4>;
// The six faces of a box on the road: back (towards the camera), front, left, right, bottom, top.
std::array<Face, 6> cuboid(Point centre, Dimensions size, double bottom_m, double top_m);

// The box that a detector would draw around the visible part of these faces.
std::optional<Box> visible_box(std::span<const Face> faces, const Camera& camera);

}  // namespace pollbus::pedestrian
