#include "pedestrian/labels.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "base/files.h"
#include "base/status.h"
#include "pedestrian/texts.h"

namespace pollbus::pedestrian {
namespace {

constexpr std::size_t kMaxLabelsBytes = 64'000'000;

struct NumberColumn {
  const char* name;
  double* (*of)(LabelledScene&);
};
struct TextColumn {
  const char* name;
  std::string* (*of)(LabelledScene&);
};

constexpr std::array<TextColumn, 3> kTexts{{
    {"Timestamp", [](LabelledScene& scene) { return &scene.timestamp; }},
    {"Occluded_Image_View", [](LabelledScene& scene) { return &scene.occluded_image; }},
    {"Occluding_Image_View", [](LabelledScene& scene) { return &scene.occluding_image; }},
}};
constexpr std::array<NumberColumn, 18> kNumbers{{
    {"Car1_Location_X", [](LabelledScene& scene) { return &scene.car1.x; }},
    {"Car1_Location_Y", [](LabelledScene& scene) { return &scene.car1.y; }},
    {"Car1_Length", [](LabelledScene& scene) { return &scene.car1_size.length; }},
    {"Car1_Width", [](LabelledScene& scene) { return &scene.car1_size.width; }},
    {"Car2_Location_X", [](LabelledScene& scene) { return &scene.car2.x; }},
    {"Car2_Location_Y", [](LabelledScene& scene) { return &scene.car2.y; }},
    {"Car2_Length", [](LabelledScene& scene) { return &scene.car2_size.length; }},
    {"Car2_Width", [](LabelledScene& scene) { return &scene.car2_size.width; }},
    {"pedestrian_Location_X", [](LabelledScene& scene) { return &scene.pedestrian.x; }},
    {"pedestrian_Location_Y", [](LabelledScene& scene) { return &scene.pedestrian.y; }},
    {"cam1_pedestrian_x1", [](LabelledScene& scene) { return &scene.pedestrian_box.x1; }},
    {"cam1_pedestrian_y1", [](LabelledScene& scene) { return &scene.pedestrian_box.y1; }},
    {"cam1_pedestrian_x2", [](LabelledScene& scene) { return &scene.pedestrian_box.x2; }},
    {"cam1_pedestrian_y2", [](LabelledScene& scene) { return &scene.pedestrian_box.y2; }},
    {"cam2_car_x1", [](LabelledScene& scene) { return &scene.car_box.x1; }},
    {"cam2_car_y1", [](LabelledScene& scene) { return &scene.car_box.y1; }},
    {"cam2_car_x2", [](LabelledScene& scene) { return &scene.car_box.x2; }},
    {"cam2_car_y2", [](LabelledScene& scene) { return &scene.car_box.y2; }},
}};

// The byte order mark, which some spreadsheets write first.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

using Cells = std::vector<std::string_view>;

// The position of each known column in a row.
absl::StatusOr<std::map<std::string_view, std::size_t>> positions(const Cells& heading) {
  std::map<std::string_view, std::size_t> found;
  for (std::size_t i = 0; i < heading.size(); ++i) found[heading[i]] = i;
  std::vector<const char*> missing;
  for (const auto& column : kTexts) {
    if (!found.contains(column.name)) missing.push_back(column.name);
  }
  for (const auto& column : kNumbers) {
    if (!found.contains(column.name)) missing.push_back(column.name);
  }
  if (missing.empty()) return found;
  return absl::InvalidArgumentError(
      fmt::format("line 1: these columns are missing: {}", fmt::join(missing, ", ")));
}

absl::StatusOr<LabelledScene> scene_of(const Cells& cells, std::size_t line,
                                       const std::map<std::string_view, std::size_t>& position) {
  const auto cell = [&](const char* name) {
    const std::size_t at = position.at(name);
    return at < cells.size() ? cells[at] : std::string_view();
  };
  LabelledScene scene;
  for (const auto& column : kTexts) {
    *column.of(scene) = std::string(cell(column.name));
    if (column.of(scene)->empty())
      return absl::InvalidArgumentError(fmt::format("line {}: {} is missing", line, column.name));
  }
  for (const auto& column : kNumbers) {
    const auto number = to_number(cell(column.name));
    if (!number)
      return absl::InvalidArgumentError(
          fmt::format("line {}: {}: expected a number", line, column.name));
    *column.of(scene) = *number;
  }
  return scene;
}

}  // namespace

absl::StatusOr<std::vector<LabelledScene>> parse_labels(std::string_view csv) {
  std::vector<LabelledScene> scenes;
  std::map<std::string_view, std::size_t> position;
  std::size_t line = 0;
  for (std::string_view text : split(csv, '\n')) {
    ++line;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (line == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    const Cells cells = split(text, ',');
    if (line == 1) {
      ASSIGN_OR_RETURN(position, positions(cells));
    } else if (!text.empty()) {
      ASSIGN_OR_RETURN(auto scene, scene_of(cells, line, position));
      scenes.push_back(std::move(scene));
    }
  }
  return scenes;
}

absl::StatusOr<std::vector<LabelledScene>> load_labels(const std::string& file) {
  const auto text = read_whole_file(file, kMaxLabelsBytes);
  if (!text.ok())
    return absl::InvalidArgumentError(
        fmt::format("labels {}: cannot be read: {}", file, std::string(text.status().message())));
  auto scenes = parse_labels(*text);
  if (!scenes.ok()) return annotate(scenes.status(), "labels " + file);
  return scenes;
}

std::string encode_labels(std::span<const LabelledScene> scenes) {
  std::vector<std::string> cells;
  cells.reserve(kTexts.size() + kNumbers.size());
  for (const auto& column : kTexts) cells.push_back(column.name);
  for (const auto& column : kNumbers) cells.push_back(column.name);
  std::string csv = fmt::format("{}\n", fmt::join(cells, ","));
  for (LabelledScene scene : scenes) {
    cells.clear();
    for (const auto& column : kTexts) cells.push_back(*column.of(scene));
    for (const auto& column : kNumbers) cells.push_back(fmt::format("{}", *column.of(scene)));
    csv += fmt::format("{}\n", fmt::join(cells, ","));
  }
  return csv;
}

}  // namespace pollbus::pedestrian
