#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"

// What is around a detection network of the YOLO family: how an image is fitted into its square
// input, and how its output becomes boxes of the image. Plain functions.
namespace pollbus::pedestrian {

struct YoloOptions {
  double confidence = 0.25;  // the least that counts
  double overlap = 0.45;  // of two boxes that overlap more (area shared to area covered), one goes
  std::int64_t classes = 80;
  std::vector<std::int64_t> class_ids;  // the ones that are kept
};

// An image scaled to fit into a square and put into its middle.
struct Letterbox {
  double scale = 1;  // pixels of the square for one of the image
  int width = 0;     // of the scaled image
  int height = 0;
  int left = 0;  // where it lies in the square
  int top = 0;

  static Letterbox fit(int image_width, int image_height, int square);
  // From the square back into the image.
  Box to_image(const Box& in_square) const;
};

// How a network's output lies in memory.
struct YoloLayout {
  std::size_t candidates = 0;
  std::size_t candidate_stride = 0;
  std::size_t value_stride = 0;
  bool has_objectness = false;  // YOLOv5: a fifth value before the classes' scores

  float value(std::span<const float> output, std::size_t candidate, std::size_t index) const {
    return output[candidate * candidate_stride + index * value_stride];
  }
};

// [1,N,5+classes] as YOLOv5 has it, or [1,4+classes,N] as YOLOv8. INVALID_ARGUMENT for others.
absl::StatusOr<YoloLayout> yolo_layout(std::span<const int> shape, std::int64_t classes);

// The boxes of the classes that are kept, clipped to the image, the surest first.
std::vector<Box> yolo_boxes(std::span<const float> output, const YoloLayout& layout,
                            const Letterbox& letterbox, int image_width, int image_height,
                            const YoloOptions& options);

}  // namespace pollbus::pedestrian
