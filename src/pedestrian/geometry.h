#pragma once

#include <cmath>

// Boxes in images and places on the road.
namespace pollbus::pedestrian {

// A box in an image, in pixels from the upper left corner: x1 <= x2, y1 <= y2.
struct Box {
  double x1 = 0;
  double y1 = 0;
  double x2 = 0;
  double y2 = 0;

  double width() const { return x2 - x1; }
  double height() const { return y2 - y1; }
  friend bool operator==(const Box&, const Box&) = default;
};

// A place on the road, or the offset between two places, in metres: x is ahead (longitudinal), y is
// to the right (lateral).
struct Point {
  double x = 0;
  double y = 0;

  friend Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
  friend Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
  friend bool operator==(const Point&, const Point&) = default;
};

inline double length(Point way) { return std::hypot(way.x, way.y); }

// The size of a vehicle seen from above, in metres.
struct Dimensions {
  double length = 0;
  double width = 0;

  friend bool operator==(const Dimensions&, const Dimensions&) = default;
};

}  // namespace pollbus::pedestrian
