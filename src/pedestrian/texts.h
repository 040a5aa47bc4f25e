#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

std::vector<std::string_view> split(std::string_view text, char separator);

// Parses the whole text as a finite number.
std::optional<double> to_number(std::string_view text);

// Parses two texts as the coordinates of a place.
std::optional<Point> to_point(std::string_view x, std::string_view y);

}  // namespace pollbus::pedestrian
