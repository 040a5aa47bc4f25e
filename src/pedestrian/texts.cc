#include "pedestrian/texts.h"

#include <charconv>
#include <cmath>

namespace pollbus::pedestrian {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<double> to_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<Point> to_point(std::string_view x, std::string_view y) {
  const auto ahead = to_number(x);
  const auto right = to_number(y);
  if (!ahead || !right) return std::nullopt;
  return Point{*ahead, *right};
}

}  // namespace pollbus::pedestrian
