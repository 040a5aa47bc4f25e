#include "stores/postgres_arrays.h"

#include <gtest/gtest.h>

#include <array>

namespace pollbus {
namespace {

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 0x0f];
  }
  return text;
}

TEST(PostgresArraysTest, AnArrayIsAHeaderAndItsElementsWithTheirLengths) {
  PostgresArray bigints(PostgresArray::Element::kBigint, 2);
  bigints.add_bigint(1);
  bigints.add_bigint(-2);
  const PostgresParameter parameter = bigints.take();
  EXPECT_EQ(parameter.type, 1016u);
  EXPECT_EQ(hex(parameter.bytes),
            "00000001"
            "00000000"
            "00000014"
            "00000002"
            "00000001"
            "00000008"
            "0000000000000001"
            "00000008"
            "fffffffffffffffe");
}

TEST(PostgresArraysTest, BytesAreTakenAsTheyAre) {
  PostgresArray array(PostgresArray::Element::kBytea, 1);
  array.add_bytea(std::string_view("\0\xff", 2));
  const PostgresParameter parameter = array.take();
  EXPECT_EQ(parameter.type, 1001u);
  EXPECT_EQ(hex(parameter.bytes).substr(40), "0000000200ff");
}

TEST(PostgresArraysTest, UuidsHaveSixteenBytes) {
  PostgresArray array(PostgresArray::Element::kUuid, 1);
  array.add_uuid(std::array<unsigned char, 16>{0x12, 0x34});
  const PostgresParameter parameter = array.take();
  EXPECT_EQ(parameter.type, 2951u);
  EXPECT_EQ(hex(parameter.bytes).substr(40), "0000001012340000000000000000000000000000");
}

TEST(PostgresArraysTest, IntegersHaveFourBytes) {
  PostgresArray array(PostgresArray::Element::kInteger, 1);
  array.add_integer(2147483647);
  const PostgresParameter parameter = array.take();
  EXPECT_EQ(parameter.type, 1007u);
  EXPECT_EQ(hex(parameter.bytes).substr(40), "000000047fffffff");
}

}  // namespace
}  // namespace pollbus
