#include "election/key_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Variables = std::map<std::string, std::string>;

std::string digits(char digit) { return std::string(64, digit); }

// What a program with these keys finds in these variables.
struct Parsed {
  Parsed(KeySettings with, const Variables& variables) : keys(std::move(with)) {
    keys.add_to(settings);
    const std::array<const char*, 1> arguments{"program"};
    settings.parse(1, arguments.data(), [&](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::vector<std::string> problems() const { return settings.problems(); }

  KeySettings keys;
  Settings settings{"program", "purpose"};
};

bool is_key(const HashKey& key, char digit) {
  return std::ranges::equal(key.bytes(), HashKey::parse(digits(digit)).value().bytes());
}

TEST(KeySettingsTest, WithoutKeysThereIsNothingWrongAndNoKey) {
  for (const auto& keys :
       {KeySettings::of_logger(), KeySettings::of_recorder(), KeySettings::of_machine()}) {
    const Parsed parsed(keys, {});
    EXPECT_THAT(parsed.problems(), IsEmpty());
    EXPECT_TRUE(parsed.keys.service_keys().empty());
    EXPECT_TRUE(parsed.keys.machine_keys().empty());
  }
}

TEST(KeySettingsTest, EachProgramReadsItsKeysAndTheirPredecessors) {
  const Parsed logger(KeySettings::of_logger(), {{"SUBMIT_KEY", digits('a')},
                                                 {"RECORD_KEY", digits('b')},
                                                 {"RECORD_KEY_PREVIOUS", digits('d')},
                                                 {"RESULT_KEY", digits('c')}});
  EXPECT_THAT(logger.problems(), IsEmpty());
  const ServiceKeys keys = logger.keys.service_keys();
  EXPECT_TRUE(is_key(keys.submit->current, 'a'));
  EXPECT_FALSE(keys.submit->previous);
  EXPECT_TRUE(is_key(keys.record->current, 'b'));
  EXPECT_TRUE(is_key(*keys.record->previous, 'd'));
  EXPECT_TRUE(is_key(keys.result->current, 'c'));

  const Parsed recorder(KeySettings::of_recorder(),
                        {{"RECORD_KEY", digits('b')}, {"RESULT_KEY", digits('c')}});
  EXPECT_THAT(recorder.problems(), IsEmpty());
  EXPECT_FALSE(recorder.keys.service_keys().submit);
  EXPECT_TRUE(is_key(recorder.keys.service_keys().result->current, 'c'));

  const Parsed machine(KeySettings::of_machine(), {{"MACHINE_SUBMIT_KEY", digits('a')},
                                                   {"MACHINE_SUBMIT_KEY_PREVIOUS", digits('e')},
                                                   {"MACHINE_RESULT_KEY", digits('c')}});
  EXPECT_THAT(machine.problems(), IsEmpty());
  EXPECT_TRUE(is_key(*machine.keys.machine_keys().submit->previous, 'e'));
  EXPECT_TRUE(is_key(machine.keys.machine_keys().result->current, 'c'));
}

TEST(KeySettingsTest, OnlySomeOfTheKeysAreRefusedWithTheNamesOfTheMissingOnes) {
  const Parsed parsed(KeySettings::of_logger(), {{"RESULT_KEY", digits('c')}});
  EXPECT_THAT(parsed.problems(), ElementsAre("RECORD_KEY, SUBMIT_KEY: missing, although RESULT_KEY "
                                             "is set. Set all keys, or none to accept all "
                                             "messages"));
}

TEST(KeySettingsTest, APreviousKeyAloneIsRefused) {
  const Parsed parsed(KeySettings::of_machine(), {{"MACHINE_SUBMIT_KEY_PREVIOUS", digits('c')}});
  EXPECT_THAT(parsed.problems(),
              ElementsAre("MACHINE_SUBMIT_KEY_PREVIOUS: needs MACHINE_SUBMIT_KEY, too"));
}

TEST(KeySettingsTest, AWrongKeyIsReportedOnceAndNotQuoted) {
  const Parsed parsed(KeySettings::of_recorder(),
                      {{"RECORD_KEY", "canary"}, {"RESULT_KEY", digits('c')}});
  EXPECT_THAT(parsed.problems(), ElementsAre(AllOf(HasSubstr("RECORD_KEY: expected 64 hex"),
                                                   Not(HasSubstr("canary")))));
}

}  // namespace
}  // namespace pollbus
