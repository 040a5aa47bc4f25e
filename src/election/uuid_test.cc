#include "election/uuid.h"

#include <gtest/gtest.h>

#include <set>

namespace pollbus {
namespace {

TEST(UuidTest, ARandomUuidIsOfVersionFourAndVariantOne) {
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = random_uuid();
    ASSERT_TRUE(is_uuid(uuid)) << uuid;
    EXPECT_EQ(uuid[14], '4') << uuid;
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
  }
}

TEST(UuidTest, RandomUuidsDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(random_uuid());
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(UuidTest, EveryVersionInEitherCaseIsAUuid) {
  for (const char* text :
       {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9DAD-41D1-80B4-00C04FD430C8"}) {
    EXPECT_TRUE(is_uuid(text)) << text;
  }
}

TEST(UuidTest, AnythingElseIsNot) {
  for (const char* text :
       {"", "6ba7b810", "6ba7b8109dad11d180b400c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8 ", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
        "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
        "6ba7b810-9dad-11d1-80b4000c04fd430c8", "6ba7b8109-dad-11d1-80b4-00c04fd430c8"}) {
    EXPECT_FALSE(is_uuid(text)) << text;
  }
}

}  // namespace
}  // namespace pollbus
