#include "stores/postgres_copy.h"

#include <utility>

#include "base/byte_order.h"

namespace pollbus {
namespace {

// The signature, then flags and the length of an extension, both 0.
constexpr std::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
constexpr std::int16_t kTrailer = -1;

}  // namespace

PostgresCopy::PostgresCopy(std::string table, std::int16_t columns, std::size_t rows,
                           std::size_t row_bytes)
    : table_(std::move(table)), columns_(columns), data_(kHeader) {
  const std::size_t framing =
      sizeof columns_ + static_cast<std::size_t>(columns) * sizeof(std::int32_t);
  data_.reserve(kHeader.size() + rows * (framing + row_bytes) + sizeof kTrailer);
}

void PostgresCopy::begin_row() {
  ++rows_;
  append_big_endian(data_, columns_);
}

void PostgresCopy::add_integer(std::int32_t value) {
  append_big_endian<std::int32_t>(data_, sizeof value);
  append_big_endian(data_, value);
}

void PostgresCopy::add_bigint(std::int64_t value) {
  append_big_endian<std::int32_t>(data_, sizeof value);
  append_big_endian(data_, value);
}

void PostgresCopy::add_bytes(std::string_view value) {
  append_big_endian(data_, static_cast<std::int32_t>(value.size()));
  data_ += value;
}

void PostgresCopy::end() { append_big_endian(data_, kTrailer); }

}  // namespace pollbus
