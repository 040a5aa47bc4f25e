#include "pedestrian/line_of_sight.h"

#include <algorithm>

namespace pollbus::pedestrian {

std::optional<double> blocked_at(Point seer, Point seen, Point car, Dimensions car_size) {
  double enters = 0;
  double leaves = 1;
  const auto narrow = [&](double from, double to, double centre, double size) {
    const double low = centre - size / 2 - from;
    const double high = centre + size / 2 - from;
    const double way = to - from;
    if (way == 0) {
      if (low > 0 || high < 0) leaves = -1;
      return;
    }
    enters = std::max(enters, std::min(low / way, high / way));
    leaves = std::min(leaves, std::max(low / way, high / way));
  };
  narrow(seer.x, seen.x, car.x, car_size.length);
  narrow(seer.y, seen.y, car.y, car_size.width);
  if (enters < leaves && leaves < 1) return enters;
  return std::nullopt;
}

}  // namespace pollbus::pedestrian
