#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pedestrian/geometry.h"
#include "pedestrian/labels.h"

// What the consumer says about the views: positions, their errors, a summary. Plain functions.
namespace pollbus::pedestrian {

// What came with a view, apart from its picture.
struct View {
  std::string timestamp;
  std::optional<Point> car1;
  std::optional<Point> pedestrian;
  std::optional<double> latency_ms;  // from the producer's publish to the picture on disk
  // Where they were seen in the images of camera B and camera A; not kept over a restart.
  std::optional<Box> car1_box;
  std::optional<Box> pedestrian_box;
};

struct Truth {
  Point car1;
  Point pedestrian;
};
using Truths = std::map<std::string, Truth>;  // by Timestamp, as records have it

// INVALID_ARGUMENT for a Timestamp that no record can have.
absl::StatusOr<Truths> truths_of(std::span<const LabelledScene> scenes);

// "1741128439.11111  car 1 (-51.06, 142.95) 0.48 m off  pedestrian … "; `truth` may be null.
std::string view_line(const View& view, const Truth* truth);

// Half of the values are no larger than the median, nine of ten no larger than the p90.
struct Quantiles {
  std::size_t count = 0;
  double median = 0;
  double p90 = 0;
};
Quantiles quantiles(std::vector<double> values);

struct Summary {
  std::size_t views = 0;
  std::size_t without_car1 = 0;
  std::size_t without_pedestrian = 0;
  Quantiles car1_error_m;
  Quantiles pedestrian_error_m;
  Quantiles latency_ms;
};
Summary summarise(std::span<const View> views, const Truths& truths);
std::string summary_text(const Summary& summary);
std::string summary_json(const Summary& summary);

}  // namespace pollbus::pedestrian
