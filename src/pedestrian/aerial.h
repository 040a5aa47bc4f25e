#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"
#include "pedestrian/record.h"

// What the aerial view shows, and where in its picture. Plain functions.
namespace pollbus::pedestrian {

struct AerialScene {
  std::string timestamp;
  Point car2;
  Dimensions car2_size;
  // Absent when the stages before have not found it.
  std::optional<Point> car1;
  std::optional<Box> car1_box;  // in the image of camera B
  Dimensions car1_size;
  std::optional<Point> pedestrian;
  std::optional<Box> pedestrian_box;  // in the image of camera A
  double pedestrian_width_m = 0;
};

// From a record that has passed all stages before: of several vehicles or pedestrians the nearest.
// A pedestrian is seen from car 1, so that without car 1 nobody knows where it is.
// `focal_px`: of the camera that saw the pedestrian, whose width follows from its box.
absl::StatusOr<AerialScene> aerial_scene(const Record& record, double focal_px);

// A pixel of the picture, from its upper left corner.
struct Pixel {
  double x = 0;
  double y = 0;
};

Pixel aerial_pixel(Point place);

// Upper left and lower right corner, in whole pixels, of something of this size around a place.
struct PixelRectangle {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
  friend bool operator==(const PixelRectangle&, const PixelRectangle&) = default;
};

PixelRectangle aerial_rectangle(Point centre, Dimensions size);

// How many pixels of the picture one metre takes.
inline constexpr double kAerialPixelsPerMetre = 28.682;

}  // namespace pollbus::pedestrian
