#include "stores/postgres_arrays.h"

#include <cassert>
#include <utility>

namespace pollbus {
namespace {

// Oids of the array types, by pg_type.dat.
constexpr unsigned kIntegerArray = 1007;
constexpr unsigned kBigintArray = 1016;
constexpr unsigned kByteaArray = 1001;

unsigned array_of(PostgresArray::Element element) {
  switch (element) {
    case PostgresArray::Element::kInteger:
      return kIntegerArray;
    case PostgresArray::Element::kBigint:
      return kBigintArray;
    case PostgresArray::Element::kBytea:
      return kByteaArray;
  }
  return 0;
}

// Most significant byte first, as all of the protocol.
template <typename Integer>
void append(std::string& bytes, Integer value) {
  using Unsigned = std::make_unsigned_t<Integer>;
  for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8) {
    bytes += static_cast<char>(static_cast<Unsigned>(value) >> shift & 0xff);
  }
}

}  // namespace

PostgresArray::PostgresArray(Element element, std::size_t size) : element_(element) {
  append<std::int32_t>(bytes_, 1);  // dimensions
  append<std::int32_t>(bytes_, 0);  // no nulls
  append(bytes_, static_cast<std::uint32_t>(element));
  append(bytes_, static_cast<std::int32_t>(size));
  append<std::int32_t>(bytes_, 1);  // first index
}

void PostgresArray::add_integer(std::int32_t value) {
  assert(element_ == Element::kInteger);
  append<std::int32_t>(bytes_, sizeof value);
  append(bytes_, value);
}

void PostgresArray::add_bigint(std::int64_t value) {
  assert(element_ == Element::kBigint);
  append<std::int32_t>(bytes_, sizeof value);
  append(bytes_, value);
}

void PostgresArray::add_bytea(std::string_view value) {
  assert(element_ == Element::kBytea);
  append(bytes_, static_cast<std::int32_t>(value.size()));
  bytes_ += value;
}

PostgresParameter PostgresArray::take() { return {array_of(element_), std::move(bytes_)}; }

}  // namespace pollbus
