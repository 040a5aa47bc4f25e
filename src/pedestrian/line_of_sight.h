#pragma once

#include <optional>

#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// Where a car blocks the line of sight between two places: the share of the line, from 0 at `seer`
// to 1 at `seen`, at which it enters the car's rectangle. Nothing when the car is beside the line
// or when `seen` lies within the car.
std::optional<double> blocked_at(Point seer, Point seen, Point car, Dimensions car_size);

}  // namespace pollbus::pedestrian
