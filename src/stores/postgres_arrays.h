#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pollbus {

// A statement's parameter in binary form: text never holds a value, so no syntax error quotes one.
struct PostgresParameter {
  unsigned type = 0;  // an Oid
  std::string bytes;
};

// A one-dimensional array parameter, element by element, in the form that array_recv reads
// (https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c).
// Each array takes elements of one of the add functions only.
class PostgresArray {
 public:
  enum class Element : unsigned { kInteger = 23, kBigint = 20, kBytea = 17 };

  PostgresArray(Element element, std::size_t size);
  void add_integer(std::int32_t value);
  void add_bigint(std::int64_t value);
  void add_bytea(std::string_view value);

  // Once, at the end.
  PostgresParameter take();

 private:
  Element element_;
  std::string bytes_;
};

}  // namespace pollbus
