#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"
#include "pedestrian/record.h"

// Computes what the aerial view shows and at which pixels of the picture. Pure functions.
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

// Takes the nearest vehicle and the nearest pedestrian of a record that has passed all earlier
// stages. The pedestrian's place is relative to car 1, so without car 1 it is absent too.
// `focal_px` is the focal length of the camera that saw the pedestrian; with it, the box gives the
// width.
absl::StatusOr<AerialScene> aerial_scene(const Record& record, double focal_px);

// A position in the picture, counted from its upper left corner.
struct Pixel {
  double x = 0;
  double y = 0;
};

Pixel aerial_pixel(Point place);

// The corners, in whole pixels, of a rectangle on the road.
struct PixelRectangle {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
  friend bool operator==(const PixelRectangle&, const PixelRectangle&) = default;
};

PixelRectangle aerial_rectangle(Point centre, Dimensions size);

// The scale of the picture.
inline constexpr double kAerialPixelsPerMetre = 28.682;

}  // namespace pollbus::pedestrian
