#include "election/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pollbus {
namespace {

constexpr const char* kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

HashKey key(char digit = 'a') { return HashKey::parse(std::string(64, digit)).value(); }

SubmittedVote submitted() {
  return {.election = 12,
          .machine = 3,
          .voter = 43,
          .choice = 4,
          .uuid = kUuid,
          .timestamp_ms = 1709908090964};
}

TEST(KeyedHashTest, AKeyIsSixtyFourHexadecimalDigitsInEitherCase) {
  const HashKey parsed = HashKey::parse(std::string(62, '0') + "aF").value();
  EXPECT_EQ(parsed.bytes()[31], 0xaf);
  for (const std::string& text :
       {std::string(), std::string(62, 'a'), std::string(63, 'a'), std::string(65, 'a'),
        std::string(66, 'a'), std::string(63, 'a') + "g", std::string(64, 'a') + "\n",
        " " + std::string(63, 'a'), std::string(32, 'a') + ":" + std::string(31, 'a')}) {
    EXPECT_FALSE(HashKey::parse(text).ok()) << text.size();
  }
}

TEST(KeyedHashTest, TheErrorDoesNotQuoteTheKey) {
  const absl::Status status = HashKey::parse("deadbeefcanary").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()).find("canary"), std::string::npos);
}

// Loggers of different versions share one register, so these values must never change. Computed
// with Python's hashlib.blake2b(b'F' + …, digest_size=16, key=32 * b'\xaa').
TEST(KeyedHashTest, HashesAreTheSameInEveryVersion) {
  EXPECT_EQ(to_hex(fingerprint(key(), submitted())), "16aaf7755a593d35e4a0af3fad9d8a98");
  EXPECT_EQ(to_hex(check_value(key())), "8764a0e3b12c14fac6e3d264f4c9fcc0");
}

TEST(KeyedHashTest, TheFingerprintTellsVotesOfOneVoterApart) {
  std::set<KeyedHash> hashes = {fingerprint(key(), submitted())};
  const auto differs = [&](auto change) {
    SubmittedVote vote = submitted();
    change(vote);
    return hashes.insert(fingerprint(key(), vote)).second;
  };
  EXPECT_TRUE(differs([](SubmittedVote& vote) { vote.election = 13; }));
  EXPECT_TRUE(differs([](SubmittedVote& vote) { vote.machine = 4; }));
  EXPECT_TRUE(differs([](SubmittedVote& vote) { vote.choice = 3; }));
  EXPECT_TRUE(differs([](SubmittedVote& vote) { std::swap(vote.machine, vote.choice); }));
  EXPECT_TRUE(differs([](SubmittedVote& vote) { vote.uuid.back() = '9'; }));
  EXPECT_TRUE(hashes.insert(fingerprint(key('b'), submitted())).second);
  EXPECT_FALSE(differs([](SubmittedVote& vote) { vote.timestamp_ms.reset(); }));
}

TEST(KeyedHashTest, TheCheckValueTellsKeysApart) {
  EXPECT_EQ(check_value(key('a')), check_value(key('a')));
  EXPECT_NE(check_value(key('a')), check_value(key('b')));
}

TEST(KeyedHashTest, TheUuidsCaseDoesNotMatter) {
  SubmittedVote vote = submitted();
  vote.uuid = "6BA7B810-9DAD-41D1-80B4-00C04FD430C8";
  EXPECT_EQ(fingerprint(key(), vote), fingerprint(key(), submitted()));
}

}  // namespace
}  // namespace pollbus
