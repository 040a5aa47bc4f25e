#include "election/authentication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <set>

#include "election/office_messages.h"
#include "election/vote.h"

namespace pollbus {
namespace {

// The main keys of the examples in docs/wire-format.md: bytes 00, 01, 02, and so on.
HashKey counting_key(unsigned char first) {
  std::array<unsigned char, HashKey::kBytes> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(first + i);
  return HashKey::of(bytes);
}
const HashKey kSubmitKey = counting_key(0x00);
const HashKey kRecordKey = counting_key(0x20);
const HashKey kResultKey = counting_key(0x40);

constexpr char kUuid[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

bool is_same(const HashKey& key, const std::string& hex) {
  return std::ranges::equal(key.bytes(), HashKey::parse(hex).value().bytes());
}

RotatingKey only(const HashKey& key) { return {.current = key, .previous = {}}; }

// Computed with Python's hashlib.blake2b; machines in use hold keys and make MACs like these, so
// the values must never change.
TEST(AuthenticationTest, KeysAndMacsAreThoseOfTheDocumentation) {
  const HashKey submit3 = derive_key(kSubmitKey, KeyUse::kSubmit, 3);
  const HashKey result3 = derive_key(kResultKey, KeyUse::kResult, 3);
  EXPECT_TRUE(is_same(submit3, "79f6de92c8ee10b440a28c3843e1123b7f0781cc7941f56179f95e8b1eb044c5"));
  EXPECT_TRUE(is_same(result3, "0615bec4962f6257778620a5e051176142f30907e4319daff7eff27dbbb24ec2"));
  EXPECT_TRUE(is_same(derive_key(kSubmitKey, KeyUse::kSubmit, kMaxId),
                      "9091445baa590242388b54267ab552d7d3900a9385dba9b72468dbace3ea57fc"));
  EXPECT_TRUE(is_same(derive_key(kResultKey, KeyUse::kResult, wire::kOfficeIdentity),
                      "dfacce8a6b2583062513229d962071642af2f3287c74501648eaf172e11ba6bd"));

  const std::string vote = std::string(R"("election_ID":12,"UUID":")") + kUuid + '"';
  EXPECT_EQ(mac_of(submit3, {.function = "submit vote",
                             .machine = "3",
                             .data = R"({"machine_ID":3,"voter_ID":43,"voting":4,)" + vote +
                                     R"(,"timestamp":1709908090964})"}),
            "141ee8360e52c3ec3c4150ff146c4d6099ca5595d43cd6b54f977f68f49bc86a");
  EXPECT_EQ(mac_of(kRecordKey, {.function = "record vote",
                                .machine = "",
                                .data = R"({"machine_ID":3,"voting":4,)" + vote + "}"}),
            "2711fb5513b66087422ec4c05672898786f5b4f100deff0fa13981f70cf035ab");
  EXPECT_EQ(
      mac_of(result3, {.function = "result",
                       .machine = "3",
                       .data = std::string(R"({"result":"successful","UUID":")") + kUuid + "\"}"}),
      "04eefd459ac199624177c7b3a2c6c6b44791c8ad24f72f6a4283bc810e9abd8d");
}

TEST(AuthenticationTest, EachUseAndEachMachineHasAKeyOfItsOwn) {
  std::set<std::string> macs;
  const auto is_new = [&](const HashKey& key) { return macs.insert(mac_of(key, {})).second; };
  EXPECT_TRUE(is_new(kSubmitKey));
  for (const std::int64_t id : {std::int64_t{0}, std::int64_t{3}, kMaxId, wire::kOfficeIdentity}) {
    EXPECT_TRUE(is_new(derive_key(kSubmitKey, KeyUse::kSubmit, id)));
    EXPECT_TRUE(is_new(derive_key(kSubmitKey, KeyUse::kResult, id)));
  }
  EXPECT_TRUE(is_new(derive_key(kResultKey, KeyUse::kSubmit, 3)));
}

TEST(AuthenticationTest, BytesCannotMoveFromOnePartOfTheInputToAnother) {
  std::set<std::string> macs;
  for (const MacInput& input :
       {MacInput{"result", "33", "data"}, MacInput{"result3", "3", "data"},
        MacInput{"result", "3", "3data"}, MacInput{"result", "", "33data"},
        MacInput{"", "result33", "data"}, MacInput{"result33data", "", ""}, MacInput{}}) {
    EXPECT_TRUE(macs.insert(mac_of(kRecordKey, input)).second) << input.function;
  }
}

TEST(AuthenticationTest, OnlyTheExactMacIsAuthentic) {
  const MacInput input{"record vote", "", "data"};
  const std::string mac = mac_of(kRecordKey, input);
  EXPECT_TRUE(is_authentic(only(kRecordKey), input, mac));
  EXPECT_FALSE(is_authentic(only(kSubmitKey), input, mac));
  EXPECT_FALSE(is_authentic(only(kRecordKey), {"record vote", "", "Data"}, mac));

  std::string upper = mac;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  ASSERT_NE(upper, mac);
  for (const std::string& wrong :
       {std::string(), upper, mac.substr(0, 63), mac.substr(0, 32), mac + "0", mac + mac,
        " " + mac.substr(1), std::string(64, '0'), std::string(64, '\0')}) {
    EXPECT_FALSE(is_authentic(only(kRecordKey), input, wrong)) << wrong;
  }
  for (std::size_t i = 0; i < mac.size(); ++i) {
    std::string wrong = mac;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_FALSE(is_authentic(only(kRecordKey), input, wrong)) << i;
  }
}

TEST(AuthenticationTest, DuringARotationBothKeysAreAccepted) {
  const MacInput input{"submit vote", "3", "data"};
  const auto of_machine = [](const HashKey& key) { return derive_key(key, KeyUse::kSubmit, 3); };
  const RotatingKey both =
      derive_key(RotatingKey{.current = kSubmitKey, .previous = kRecordKey}, KeyUse::kSubmit, 3);
  EXPECT_TRUE(is_authentic(both, input, mac_of(of_machine(kSubmitKey), input)));
  EXPECT_TRUE(is_authentic(both, input, mac_of(of_machine(kRecordKey), input)));
  EXPECT_FALSE(is_authentic(both, input, mac_of(of_machine(kResultKey), input)));
  EXPECT_FALSE(is_authentic(only(both.current), input, mac_of(of_machine(kRecordKey), input)));
}

}  // namespace
}  // namespace pollbus
