#include "election/office_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Variables = std::map<std::string, std::string>;

// What a service finds in these variables.
struct Parsed {
  explicit Parsed(const Variables& variables) {
    office.add_to(settings);
    const std::array<const char*, 1> arguments{"program"};
    settings.parse(1, arguments.data(), [&](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }

  OfficeSettings office{"office-sub", "Where commands come from"};
  Settings settings{"program", "purpose"};
};

TEST(OfficeSettingsTest, WithoutAKeyNoCommandIsAccepted) {
  const Parsed parsed({});
  EXPECT_THAT(parsed.settings.problems(), IsEmpty());
  EXPECT_EQ(parsed.office.subscription(), "office-sub");
  EXPECT_EQ(parsed.office.public_key(), std::nullopt);
}

TEST(OfficeSettingsTest, KeyAndSubscriptionComeFromTheEnvironment) {
  const std::string key = OfficePrivateKey::generate().public_key().to_hex();
  const Parsed parsed({{"OFFICE_PUBLIC_KEY", key}, {"OFFICE_SUB_ID", "another-sub"}});
  EXPECT_THAT(parsed.settings.problems(), IsEmpty());
  EXPECT_EQ(parsed.office.subscription(), "another-sub");
  ASSERT_TRUE(parsed.office.public_key().has_value());
  EXPECT_EQ(parsed.office.public_key()->to_hex(), key);
}

TEST(OfficeSettingsTest, AWrongKeyIsReported) {
  const Parsed parsed(Variables{{"OFFICE_PUBLIC_KEY", "abc"}});
  EXPECT_THAT(parsed.settings.problems(),
              ElementsAre(HasSubstr("OFFICE_PUBLIC_KEY: expected 64 hexadecimal digits")));
}

}  // namespace
}  // namespace pollbus
