#pragma once

// Inside src/election only.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "election/sha256.h"
#include "election/vote.h"

namespace pollbus {

// Reads the fields of a JSON object and keeps the first problem. After a problem, the other
// functions return empty values, so that status() needs to be checked only once, at the end.
class ObjectReader {
 public:
  explicit ObjectReader(const nlohmann::json& object);

  bool has(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t most = kMaxId);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t most = kMaxId);
  bool boolean(std::string_view name);
  std::string text(std::string_view name);
  std::string optional_text(std::string_view name);
  Sha256 hash(std::string_view name);
  // A number of 64 bits as 16 lower-case hexadecimal digits.
  std::uint64_t hex64(std::string_view name);
  // An array or object; null after a problem.
  const nlohmann::json& array(std::string_view name);
  const nlohmann::json& object(std::string_view name);

  void fail(std::string_view name, std::string_view what);
  // Keeps the problem of a reader of an inner object.
  void include(std::string_view name, const ObjectReader& inner);
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }

 private:
  const nlohmann::json* find(std::string_view name);

  const nlohmann::json& object_;
  absl::Status status_;
};

// Sixteen lower-case hexadecimal digits.
std::string hex64_text(std::uint64_t value);

}  // namespace pollbus
