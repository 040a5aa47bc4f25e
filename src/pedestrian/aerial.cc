#include "pedestrian/aerial.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {
namespace {

// The picture shows one street corner from above; its upper edge is ahead. The pixel of a place is
// x = 28.682 Y - 3659.026, y = -28.682 X - 1278.32.
constexpr double kOriginX = -3659.026;
constexpr double kOriginY = -1278.32;
// Places that are farther away are moved to here, so that pixel coordinates fit into an int.
constexpr double kMaxPixel = 1e6;

struct Found {
  Point way;
  Box box;
};

// The nearest object that one side found, if any.
absl::StatusOr<std::optional<Found>> nearest(const Record& record, const Side& side) {
  ASSIGN_OR_RETURN(const auto boxes, record.boxes(side.boxes));
  ASSIGN_OR_RETURN(const auto longitudinal, record.numbers(side.longitudinal, boxes.size()));
  ASSIGN_OR_RETURN(const auto lateral, record.numbers(side.lateral, boxes.size()));
  std::optional<Found> best;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const Point way{longitudinal[i], lateral[i]};
    if (!best || length(way) < length(best->way)) best = Found{way, boxes[i]};
  }
  return best;
}

int whole_pixel(double pixel) {
  return static_cast<int>(std::lround(std::clamp(pixel, -kMaxPixel, kMaxPixel)));
}

}  // namespace

absl::StatusOr<AerialScene> aerial_scene(const Record& record, double focal_px) {
  AerialScene scene{.timestamp = record.timestamp()};
  ASSIGN_OR_RETURN(scene.car2, record.point("Car2_Location"));
  ASSIGN_OR_RETURN(scene.car2_size, record.dimensions("Car2_dimensions"));
  ASSIGN_OR_RETURN(scene.car1_size, record.dimensions("Car1_dimensions"));
  ASSIGN_OR_RETURN(const auto vehicle, nearest(record, vehicle_side()));
  ASSIGN_OR_RETURN(const auto pedestrian, nearest(record, pedestrian_side()));
  if (!vehicle) return scene;
  scene.car1 = scene.car2 + vehicle->way;
  scene.car1_box = vehicle->box;
  if (!pedestrian) return scene;
  scene.pedestrian = *scene.car1 + pedestrian->way;
  scene.pedestrian_box = pedestrian->box;
  scene.pedestrian_width_m = pedestrian->box.width() * std::max(pedestrian->way.x, 0.0) / focal_px;
  return scene;
}

Pixel aerial_pixel(Point place) {
  return {kAerialPixelsPerMetre * place.y + kOriginX, -kAerialPixelsPerMetre * place.x + kOriginY};
}

PixelRectangle aerial_rectangle(Point centre, Dimensions size) {
  const Pixel upper_left = aerial_pixel({centre.x + size.length / 2, centre.y - size.width / 2});
  const Pixel lower_right = aerial_pixel({centre.x - size.length / 2, centre.y + size.width / 2});
  return {whole_pixel(upper_left.x), whole_pixel(upper_left.y), whole_pixel(lower_right.x),
          whole_pixel(lower_right.y)};
}

}  // namespace pollbus::pedestrian
