#pragma once

#include <optional>

#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// Returns where a car blocks the line of sight between two places: the fraction of the line, from 0
// at `seer` to 1 at `seen`, at which the line enters the rectangle of the car. Returns nothing when
// the car does not touch the line or when `seen` lies inside the car.
std::optional<double> blocked_at(Point seer, Point seen, Point car, Dimensions car_size);

}  // namespace pollbus::pedestrian
