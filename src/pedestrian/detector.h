#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "pedestrian/record.h"
#include "pedestrian/side.h"
#include "pedestrian/yolo.h"

namespace pollbus::pedestrian {

// Finds objects of one kind in the image of a record. Not thread-safe.
class Detector {
 public:
  virtual ~Detector() = default;

  // INVALID_ARGUMENT when the record lacks a field that is needed.
  virtual absl::StatusOr<std::vector<Box>> detect(const Record& record) = 0;
  // A phrase for the log.
  virtual std::string description() const = 0;
};

struct DetectorConfig {
  std::string model_file;  // empty: the boxes that the producer attached
  std::int64_t input_size = 640;
  YoloOptions yolo;
  std::vector<std::string> class_ids;  // absent: the class of the side

  void add_to(Settings& settings);
};

// INVALID_ARGUMENT, naming the file and what was expected, when the model is missing or unusable.
absl::StatusOr<std::unique_ptr<Detector>> make_detector(DetectorConfig config, const Side& side);

}  // namespace pollbus::pedestrian
