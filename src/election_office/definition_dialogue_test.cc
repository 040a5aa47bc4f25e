#include "election_office/definition_dialogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "election/definition.h"

namespace pollbus::election_office {
namespace {

using ::testing::HasSubstr;

TEST(DefinitionDialogue, TheAnswersBecomeAValidDefinition) {
  std::istringstream in(
      "12\nCity 2026\nen, fr\nWard 4\nQuartier 4\n"
      "Ada Lovelace\n\nNone of them\nAucun\n\n"
      "America/Toronto\n2026-12-01T08:00\n2026-12-01T20:00\ncodes\n\nyes\n");
  std::ostringstream out;
  const auto text = definition_dialogue(in, out);
  ASSERT_TRUE(text.ok()) << text.status();
  const auto definition = std::get<Definition>(parse_definition(*text));
  EXPECT_EQ(definition.election, 12);
  EXPECT_EQ(definition.title.at("fr"), "Quartier 4");
  ASSERT_EQ(definition.choices.size(), 2);
  EXPECT_EQ(definition.choices[0].name.size(), 1);
  EXPECT_EQ(definition.choices[1].name.at("fr"), "Aucun");
  EXPECT_EQ(definition.eligibility, Eligibility::kCodes);
  EXPECT_EQ(definition.results, ResultsVisibility::kAfterClose);
  EXPECT_TRUE(definition.is_test);
}

TEST(DefinitionDialogue, AWrongAnswerIsAskedForAgain) {
  std::istringstream in(
      "twelve\n12\n\nCity\n\nWard 4\nAda\n\nToronto\nAmerica/Toronto\n2026-03-08T02:30\n"
      "2026-03-08T08:00\n\nall\nroll\n\n\n");
  std::ostringstream out;
  ASSERT_TRUE(definition_dialogue(in, out).ok());
  EXPECT_THAT(out.str(), HasSubstr("must be a number"));
  EXPECT_THAT(out.str(), HasSubstr("must not be empty"));
  EXPECT_THAT(out.str(), HasSubstr("must be a time zone"));
  EXPECT_THAT(out.str(), HasSubstr("does not exist in America/Toronto"));
  EXPECT_THAT(out.str(), HasSubstr("must be one of: open, roll, codes"));
}

TEST(DefinitionDialogue, NothingIsWrittenWhenTheInputEnds) {
  std::istringstream in("12\nCity\n");
  std::ostringstream out;
  EXPECT_TRUE(absl::IsCancelled(definition_dialogue(in, out).status()));
}

}  // namespace
}  // namespace pollbus::election_office
