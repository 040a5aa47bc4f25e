#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pedestrian/geometry.h"
#include "pedestrian/labels.h"

// The positions, errors and summary that the consumer prints. Pure functions.
namespace pollbus::pedestrian {

// A view without its picture.
struct View {
  std::string timestamp;
  std::optional<Point> car1;
  std::optional<Point> pedestrian;
  std::optional<double> latency_ms;  // from the producer's publish to the picture on disk
  // Boxes in the images of camera B and camera A. They are not stored in views.csv.
  std::optional<Box> car1_box;
  std::optional<Box> pedestrian_box;
};

struct Truth {
  Point car1;
  Point pedestrian;
};
using Truths = std::map<std::string, Truth>;  // by Timestamp, written as in records

// INVALID_ARGUMENT when a label has a Timestamp that is not allowed in a record.
absl::StatusOr<Truths> truths_of(std::span<const LabelledScene> scenes);

// "1741128439.11111  car 1 (-51.06, 142.95) 0.48 m off  pedestrian … "; `truth` may be null.
std::string view_line(const View& view, const Truth* truth);

// The median and the 90th percentile; both are values that occur.
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
