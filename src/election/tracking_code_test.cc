#include "election/tracking_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/receipt.h"
#include "election/uuid.h"

namespace pollbus {
namespace {

constexpr char kUuid[] = "7f6fbd2b-0f2e-4f6a-9d5d-3c1f0a1b2c3d";

TEST(TrackingCodeTest, IsTheFirst80BitsOfTheReceipt) {
  const Hash128 whole = receipt(12, kUuid);
  const auto prefix = parse_tracking_code(tracking_code(12, kUuid));
  ASSERT_TRUE(prefix);
  EXPECT_TRUE(std::equal(prefix->begin(), prefix->end(), whole.begin()));
}

TEST(TrackingCodeTest, IsWrittenInFourGroupsOfFour) {
  EXPECT_THAT(tracking_code(12, kUuid),
              ::testing::MatchesRegex("([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}"));
  EXPECT_EQ(format_tracking_code({0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf}),
            "0123-4567-89AB-CDEF");
}

TEST(TrackingCodeTest, IsReadBackWhateverItsBits) {
  for (int i = 0; i < 200; ++i) {
    const std::string code = tracking_code(i, random_uuid());
    const auto prefix = parse_tracking_code(code);
    ASSERT_TRUE(prefix) << code;
    EXPECT_EQ(format_tracking_code(*prefix), code);
  }
}

TEST(TrackingCodeTest, DiffersBetweenElectionsAndNotByTheCaseOfTheUuid) {
  EXPECT_NE(tracking_code(12, kUuid), tracking_code(13, kUuid));
  EXPECT_EQ(tracking_code(12, kUuid), tracking_code(12, "7F6FBD2B-0F2E-4F6A-9D5D-3C1F0A1B2C3D"));
}

TEST(TrackingCodeTest, TypingItForgivesCaseBlanksAndLookAlikes) {
  const auto expected = parse_tracking_code("0123-4567-89AB-CDEF");
  ASSERT_TRUE(expected);
  for (const char* text : {"0123456789abcdef", " o I 2 3 4567 89ab cdef ", "OL23-4567-89AB-CDEF"})
    EXPECT_EQ(parse_tracking_code(text), expected) << text;
}

TEST(TrackingCodeTest, AnythingElseIsNoCode) {
  for (const char* text : {"", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEF-0", "0123-4567-89AB-CDEU",
                           "0123_4567_89AB_CDEF", "١٢٣٤-4567-89AB-CDEF"})
    EXPECT_FALSE(parse_tracking_code(text)) << text;
}

}  // namespace
}  // namespace pollbus
