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

// What travels through the pipeline: one JSON object a message, one record a Timestamp. Fields that
// nobody asks for are kept as they are. Every error is INVALID_ARGUMENT: a field's name and what is
// expected of it, never its value. Movable, not thread-safe.
class Record {
 public:
  static absl::StatusOr<Record> parse(std::string_view data);
  // With nothing but its Timestamp: a number, or a text of the characters that a file name may
  // have.
  static absl::StatusOr<Record> with_timestamp(std::string_view json_or_text);
  Record(Record&&) noexcept;
  Record& operator=(Record&&) noexcept;
  ~Record();

  // The Timestamp as text: what tells one record from another, and fit for a file's name.
  const std::string& timestamp() const { return timestamp_; }

  bool has(const char* field) const;
  absl::StatusOr<std::vector<Box>> boxes(const char* field) const;
  // `count`: how many there must be.
  absl::StatusOr<std::vector<double>> numbers(const char* field, std::size_t count) const;
  absl::StatusOr<Point> point(const char* field) const;
  absl::StatusOr<Dimensions> dimensions(const char* field) const;
  // Valid until the record is changed.
  absl::StatusOr<std::string_view> text(const char* field) const;

  void set(const char* field, const std::vector<Box>& boxes);
  void set(const char* field, const std::vector<double>& numbers);
  void set(const char* field, std::string text);
  void erase(const char* field);
  // Leaves the Timestamp alone.
  void erase_all();

  std::string encode() const;

 private:
  explicit Record(std::unique_ptr<nlohmann::json> fields, std::string timestamp);

  std::unique_ptr<nlohmann::json> fields_;
  std::string timestamp_;
};

}  // namespace pollbus::pedestrian
