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

// Finds objects of one kind in a record's image. One thread at a time.
class Detector {
 public:
  virtual ~Detector() = default;

  // INVALID_ARGUMENT when the record has not what it takes.
  virtual absl::StatusOr<std::vector<Box>> detect(const Record& record) = 0;
  // What it is, for people.
  virtual std::string description() const = 0;
};

struct DetectorConfig {
  std::string model_file;  // empty: the boxes that the producer attached
  std::int64_t input_size = 640;
  YoloOptions yolo;
  std::vector<std::string> class_ids;  // absent: the side's

  void add_to(Settings& settings);
};

// INVALID_ARGUMENT, naming the file and what is expected, for a model that is missing or unfit.
absl::StatusOr<std::unique_ptr<Detector>> make_detector(DetectorConfig config, const Side& side);

}  // namespace pollbus::pedestrian
