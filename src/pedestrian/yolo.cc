#include "pedestrian/yolo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace pollbus::pedestrian {
namespace {

// Only this many of the most confident candidates are compared for overlap, which takes time
// proportional to the square of their number.
constexpr std::size_t kMaxCandidates = 3'000;
constexpr std::size_t kBoxValues = 4;

struct Candidate {
  Box box;  // in the square input of the network
  double confidence = 0;
};

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const double shared = width * height;
  return shared / (a.width() * a.height() + b.width() * b.height() - shared);
}

// The candidate, if its best class is wanted and its confidence is high enough.
std::optional<Candidate> candidate_at(std::span<const float> output, const YoloLayout& layout,
                                      std::size_t index, const YoloOptions& options) {
  const auto value = [&](std::size_t i) {
    return static_cast<double>(layout.value(output, index, i));
  };
  const double objectness = layout.has_objectness ? value(kBoxValues) : 1;
  if (!(objectness >= options.confidence)) return std::nullopt;
  const std::size_t first = kBoxValues + (layout.has_objectness ? 1 : 0);
  std::int64_t best = 0;
  for (std::int64_t id = 1; id < options.classes; ++id) {
    if (value(first + static_cast<std::size_t>(id)) > value(first + static_cast<std::size_t>(best)))
      best = id;
  }
  const double confidence = objectness * value(first + static_cast<std::size_t>(best));
  const auto& kept = options.class_ids;
  if (!(confidence >= options.confidence)) return std::nullopt;
  if (std::find(kept.begin(), kept.end(), best) == kept.end()) return std::nullopt;
  const double x = value(0);
  const double y = value(1);
  const double half_width = value(2) / 2;
  const double half_height = value(3) / 2;
  const bool is_box = std::isfinite(x) && std::isfinite(y) && half_width > 0 && half_height > 0 &&
                      std::isfinite(half_width) && std::isfinite(half_height);
  if (!is_box) return std::nullopt;
  return Candidate{{x - half_width, y - half_height, x + half_width, y + half_height}, confidence};
}

Box clipped(const Box& box, double width, double height) {
  return {std::clamp(box.x1, 0.0, width), std::clamp(box.y1, 0.0, height),
          std::clamp(box.x2, 0.0, width), std::clamp(box.y2, 0.0, height)};
}

}  // namespace

Letterbox Letterbox::fit(int image_width, int image_height, int square) {
  Letterbox box;
  box.scale = std::min(static_cast<double>(square) / image_width,
                       static_cast<double>(square) / image_height);
  box.width = std::max(1, static_cast<int>(std::lround(image_width * box.scale)));
  box.height = std::max(1, static_cast<int>(std::lround(image_height * box.scale)));
  box.left = (square - box.width) / 2;
  box.top = (square - box.height) / 2;
  return box;
}

Box Letterbox::to_image(const Box& in_square) const {
  return {(in_square.x1 - left) / scale, (in_square.y1 - top) / scale,
          (in_square.x2 - left) / scale, (in_square.y2 - top) / scale};
}

absl::StatusOr<YoloLayout> yolo_layout(std::span<const int> shape, std::int64_t classes) {
  const auto with_objectness = static_cast<std::int64_t>(kBoxValues) + 1 + classes;
  const auto without = static_cast<std::int64_t>(kBoxValues) + classes;
  if (shape.size() == 3 && shape[0] == 1 && shape[1] > 0 && shape[2] > 0) {
    const auto rows = static_cast<std::size_t>(shape[1]);
    const auto columns = static_cast<std::size_t>(shape[2]);
    if (shape[2] == with_objectness) return YoloLayout{rows, columns, 1, true};
    if (shape[1] == without) return YoloLayout{columns, 1, columns, false};
  }
  return absl::InvalidArgumentError(
      fmt::format("its output is [{}]; expected [1,N,{}] as of YOLOv5 or [1,{},N] as of YOLOv8 for "
                  "{} classes",
                  fmt::join(shape, ","), with_objectness, without, classes));
}

std::vector<Box> yolo_boxes(std::span<const float> output, const YoloLayout& layout,
                            const Letterbox& letterbox, int image_width, int image_height,
                            const YoloOptions& options) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < layout.candidates; ++i) {
    if (auto candidate = candidate_at(output, layout, i, options)) candidates.push_back(*candidate);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.confidence > b.confidence; });
  if (candidates.size() > kMaxCandidates) candidates.resize(kMaxCandidates);

  std::vector<Candidate> kept;
  for (const Candidate& candidate : candidates) {
    const bool is_seen = std::any_of(kept.begin(), kept.end(), [&](const Candidate& surer) {
      return overlap(surer.box, candidate.box) > options.overlap;
    });
    if (!is_seen) kept.push_back(candidate);
  }
  std::vector<Box> boxes;
  for (const Candidate& candidate : kept) {
    const Box box = clipped(letterbox.to_image(candidate.box), image_width, image_height);
    if (box.width() > 0 && box.height() > 0) boxes.push_back(box);
  }
  return boxes;
}

}  // namespace pollbus::pedestrian
