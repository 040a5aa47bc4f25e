#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "pedestrian/record.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {

// Tells how far the objects of a record's boxes are, in metres. One thread at a time.
class DepthEstimator {
 public:
  virtual ~DepthEstimator() = default;

  // One depth a box, in order. INVALID_ARGUMENT when the record has not what it takes.
  virtual absl::StatusOr<std::vector<double>> estimate(const Record& record,
                                                       std::span<const Box> boxes) = 0;
  virtual std::string description() const = 0;
};

struct DepthConfig {
  std::string model_file;  // empty: pinhole geometry
  std::int64_t input_width = 518;
  std::int64_t input_height = 518;
  bool inverse = false;
  double scale = 1;

  void add_to(Settings& settings);
};

// INVALID_ARGUMENT, naming the file and what is expected, for a model that is missing or unfit.
absl::StatusOr<std::unique_ptr<DepthEstimator>> make_depth_estimator(const DepthConfig& config,
                                                                     const Side& side);

// A depth map laid over an image of another size.
struct DepthMap {
  std::span<const float> values;  // row by row
  int width = 0;
  int height = 0;
};

// The median of what lies in the box; of the nearest value where the box is smaller than one.
// Infinite where there is no finite value.
double median_depth(const DepthMap& map, const Box& box, int image_width, int image_height);

// Which boxes are no farther than that: what remains of both lists.
void drop_beyond(double max_depth_m, std::vector<Box>* boxes, std::vector<double>* depths);

}  // namespace pollbus::pedestrian
