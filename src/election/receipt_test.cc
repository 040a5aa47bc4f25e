#include "election/receipt.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pollbus {
namespace {

const std::string kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

AnonymousVote vote() { return {.election = 12, .machine = 3, .choice = 4, .uuid = kUuid}; }

// Databases hold these hashes, so they must never change. Computed with
// printf 'pollbus receipt 12 6ba7b810-…' | sha256sum | cut -c -32
TEST(ReceiptTest, HashesAreTheSameInEveryVersion) {
  EXPECT_EQ(to_hex(receipt(12, kUuid)), "27173a2d158e6a3784ff34ebecb3a3fb");
  EXPECT_EQ(to_hex(content_hash(vote())), "5a986cecf80753d5421397facd68d245");
}

TEST(ReceiptTest, TheReceiptDependsOnElectionAndUuid) {
  EXPECT_NE(receipt(12, kUuid), receipt(13, kUuid));
  EXPECT_NE(receipt(12, kUuid), receipt(12, "6ba7b810-9dad-41d1-80b4-00c04fd430c9"));
}

TEST(ReceiptTest, TheContentHashDependsOnEveryFieldOfTheVote) {
  std::set<Hash128> hashes = {content_hash(vote())};
  const auto differs = [&](auto change) {
    AnonymousVote changed = vote();
    change(changed);
    return hashes.insert(content_hash(changed)).second;
  };
  EXPECT_TRUE(differs([](AnonymousVote& v) { v.election = 13; }));
  EXPECT_TRUE(differs([](AnonymousVote& v) { v.machine = 4; }));
  EXPECT_TRUE(differs([](AnonymousVote& v) { v.choice = 3; }));
  EXPECT_TRUE(differs([](AnonymousVote& v) { std::swap(v.machine, v.choice); }));
  EXPECT_TRUE(differs([](AnonymousVote& v) { v.uuid.back() = '9'; }));
  EXPECT_TRUE(hashes.insert(receipt(12, kUuid)).second);
}

TEST(ReceiptTest, TheCaseOfTheUuidDoesNotMatter) {
  AnonymousVote upper = vote();
  upper.uuid = "6BA7B810-9DAD-41D1-80B4-00C04FD430C8";
  EXPECT_EQ(receipt(12, upper.uuid), receipt(12, kUuid));
  EXPECT_EQ(content_hash(upper), content_hash(vote()));
}

TEST(ReceiptTest, AHashIsWrittenInHexadecimalDigits) {
  Hash128 hash{};
  hash[0] = 0xaf;
  hash[15] = 0x01;
  EXPECT_EQ(to_hex(hash), "af000000000000000000000000000001");
}

}  // namespace
}  // namespace pollbus
