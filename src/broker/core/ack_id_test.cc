#include "broker/core/ack_id.h"

#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

TEST(AckIdTest, ATextIsReadAsItWasWritten) {
  AckId::Text text;
  for (const AckId id : {AckId{1, 1, 1, 0}, AckId{1, 2, 3, 4},
                         AckId{0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}}) {
    EXPECT_EQ(AckId::parse(id.format(text)), id);
  }
}

TEST(AckIdTest, ATextOfAnEarlierVersionHasTheStartZero) {
  EXPECT_EQ(AckId::parse("1-2-3"), (AckId{1, 2, 3, 0}));
}

TEST(AckIdTest, AnyOtherTextIsNotParsed) {
  for (const char* text : {"",
                           "-",
                           "--",
                           "1",
                           "1-2",
                           "1-2-",
                           "1-2-3-",
                           "1-2-3x",
                           "x-2-3",
                           "1--3",
                           "4294967296-1-1",
                           "1-18446744073709551616-1",
                           "-1-2-3",
                           "+1-2-3",
                           " 1-2-3",
                           "1-2-3-4-",
                           "1-2-3-4-5",
                           "1-2-3-4x",
                           "1-2-3-4294967296",
                           "1-2-3--4"}) {
    EXPECT_FALSE(AckId::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace pollbus::broker
