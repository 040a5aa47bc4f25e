#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pollbus {

// A parameter of a statement in binary form. Values never become text, so no error message about
// syntax can quote one.
struct PostgresParameter {
  unsigned type = 0;  // the Oid of its type
  std::string bytes;
  bool is_null = false;
};

PostgresParameter bigint_parameter(std::optional<std::int64_t> value);
PostgresParameter text_parameter(std::optional<std::string> value);

// Builds a one-dimensional array parameter, element by element, in the form that array_recv reads
// (https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c).
// All elements of an array must have the type given to the constructor.
class PostgresArray {
 public:
  enum class Element : unsigned { kInteger = 23, kBigint = 20, kBytea = 17, kUuid = 2950 };

  PostgresArray(Element element, std::size_t size);
  void add_integer(std::int32_t value);
  void add_bigint(std::int64_t value);
  void add_bytea(std::string_view value);
  void add_uuid(std::span<const unsigned char, 16> value);

  // Call once, after the last element.
  PostgresParameter take();

 private:
  Element element_;
  std::string bytes_;
};

}  // namespace pollbus
