#include "stores/postgres_arrays.h"

#include <cassert>
#include <utility>

#include "base/byte_order.h"

namespace pollbus {
namespace {

// Oids of types, from PostgreSQL's pg_type.dat.
constexpr unsigned kBigint = 20;
constexpr unsigned kText = 25;
constexpr unsigned kIntegerArray = 1007;
constexpr unsigned kBigintArray = 1016;
constexpr unsigned kByteaArray = 1001;
constexpr unsigned kUuidArray = 2951;

unsigned array_of(PostgresArray::Element element) {
  switch (element) {
    case PostgresArray::Element::kInteger:
      return kIntegerArray;
    case PostgresArray::Element::kBigint:
      return kBigintArray;
    case PostgresArray::Element::kBytea:
      return kByteaArray;
    case PostgresArray::Element::kUuid:
      return kUuidArray;
  }
  return 0;
}

}  // namespace

PostgresParameter bigint_parameter(std::optional<std::int64_t> value) {
  PostgresParameter parameter{.type = kBigint, .bytes = {}, .is_null = !value};
  if (value) append_big_endian(parameter.bytes, *value);
  return parameter;
}

PostgresParameter text_parameter(std::optional<std::string> value) {
  const bool is_null = !value;
  return {.type = kText, .bytes = std::move(value).value_or(""), .is_null = is_null};
}

PostgresArray::PostgresArray(Element element, std::size_t size) : element_(element) {
  constexpr std::size_t kHeadBytes = 5 * sizeof(std::int32_t);
  constexpr std::size_t kMostElementBytes = sizeof(std::int32_t) + 16;
  bytes_.reserve(kHeadBytes + size * kMostElementBytes);
  append_big_endian<std::int32_t>(bytes_, 1);  // number of dimensions
  append_big_endian<std::int32_t>(bytes_, 0);  // has no nulls
  append_big_endian(bytes_, static_cast<std::uint32_t>(element));
  append_big_endian(bytes_, static_cast<std::int32_t>(size));
  append_big_endian<std::int32_t>(bytes_, 1);  // index of the first element
}

void PostgresArray::add_integer(std::int32_t value) {
  assert(element_ == Element::kInteger);
  append_big_endian<std::int32_t>(bytes_, sizeof value);
  append_big_endian(bytes_, value);
}

void PostgresArray::add_bigint(std::int64_t value) {
  assert(element_ == Element::kBigint);
  append_big_endian<std::int32_t>(bytes_, sizeof value);
  append_big_endian(bytes_, value);
}

void PostgresArray::add_bytea(std::string_view value) {
  assert(element_ == Element::kBytea);
  append_big_endian(bytes_, static_cast<std::int32_t>(value.size()));
  bytes_ += value;
}

void PostgresArray::add_uuid(std::span<const unsigned char, 16> value) {
  assert(element_ == Element::kUuid);
  append_big_endian(bytes_, static_cast<std::int32_t>(value.size()));
  bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
}

PostgresParameter PostgresArray::take() {
  return {.type = array_of(element_), .bytes = std::move(bytes_), .is_null = false};
}

}  // namespace pollbus
