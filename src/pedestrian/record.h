#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "pedestrian/geometry.h"

namespace pollbus::pedestrian {

// A record that travels through the pipeline: one JSON object per message, identified by its
// Timestamp. Unknown fields are kept unchanged. Documents nested deeper than 32 levels are refused.
// Every error is INVALID_ARGUMENT and names the field and what was expected, never the value.
// Movable, not thread-safe.
class Record {
 public:
  static absl::StatusOr<Record> parse(std::string_view data);
  // A record with only a Timestamp: a number, or a text of characters that are safe in file names.
  static absl::StatusOr<Record> with_timestamp(std::string_view json_or_text);
  Record(Record&&) noexcept;
  Record& operator=(Record&&) noexcept;
  ~Record();

  // The Timestamp as text. It identifies the record and is safe to use as a file name.
  const std::string& timestamp() const { return timestamp_; }

  bool has(const char* field) const;
  absl::StatusOr<std::vector<Box>> boxes(const char* field) const;
  // The field must hold exactly `count` numbers.
  absl::StatusOr<std::vector<double>> numbers(const char* field, std::size_t count) const;
  absl::StatusOr<Point> point(const char* field) const;
  absl::StatusOr<Dimensions> dimensions(const char* field) const;
  // Valid until the record is changed.
  absl::StatusOr<std::string_view> text(const char* field) const;

  void set(const char* field, const std::vector<Box>& boxes);
  void set(const char* field, const std::vector<double>& numbers);
  void set(const char* field, std::string text);
  void erase(const char* field);
  // Erases all fields except the Timestamp.
  void erase_all();

  std::string encode() const;

 private:
  explicit Record(std::unique_ptr<nlohmann::json> fields, std::string timestamp);

  std::unique_ptr<nlohmann::json> fields_;
  std::string timestamp_;
};

}  // namespace pollbus::pedestrian
