#include "voting_machine/machine_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::voting_machine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MachineSettingsTest : public ::testing::Test {
 protected:
  // Parses these flags and returns the problems.
  std::vector<std::string> parse(std::vector<const char*> flags) {
    Settings parser("voting-machine", "");
    settings = MachineSettings();
    settings.add_to(parser);
    flags.insert(flags.begin(), "voting-machine");
    parser.parse(static_cast<int>(flags.size()), flags.data(),
                 [](const std::string& name) -> std::optional<std::string> {
                   if (name == "GCP_PROJECT") return "local";
                   if (name == "PUBSUB_EMULATOR_HOST") return "127.0.0.1:8085";
                   return std::nullopt;
                 });
    return parser.problems();
  }

  MachineSettings settings;
};

TEST_F(MachineSettingsTest, WithoutANumberOfVotesOneIsCastASecond) {
  ASSERT_THAT(parse({"--election", "12", "--machine", "3"}), IsEmpty());
  EXPECT_EQ(settings.load().rate, 1);
  EXPECT_EQ(settings.load().votes, std::nullopt);
  ASSERT_THAT(parse({"--election", "12", "--machine", "3", "--votes", "5"}), IsEmpty());
  EXPECT_EQ(settings.load().rate, 0);
  EXPECT_EQ(settings.load().votes, 5);
}

TEST_F(MachineSettingsTest, EveryDurationAndRateHasBounds) {
  for (const auto& [flag, value] :
       std::vector<std::pair<const char*, const char*>>{{"--patience-s", "99999999999"},
                                                        {"--patience-s", "-1"},
                                                        {"--rate", "1e-12"},
                                                        {"--rate", "1e300"},
                                                        {"--rate", "-1"},
                                                        {"--rate", "nan"},
                                                        {"--rate", "inf"},
                                                        {"--in-flight", "0"},
                                                        {"--in-flight", "99999999999"},
                                                        {"--voters", "0"},
                                                        {"--choices", "0"}}) {
    EXPECT_THAT(parse({flag, value}), ElementsAre(HasSubstr(flag))) << flag << " " << value;
  }
  EXPECT_THAT(parse({"--patience-s", "31622400", "--rate", "0.000001"}), IsEmpty());
  EXPECT_THAT(parse({"--patience-s", "0", "--rate", "1000000"}), IsEmpty());
}

TEST_F(MachineSettingsTest, LeftoverVotesAreRefusedUnlessAFlagSaysOtherwise) {
  parse({});
  EXPECT_EQ(settings.leftover(), LeftoverVotes::kRefuse);
  parse({"--leftover-votes", "cast"});
  EXPECT_EQ(settings.leftover(), LeftoverVotes::kCast);
  parse({"--leftover-votes", "discard"});
  EXPECT_EQ(settings.leftover(), LeftoverVotes::kDiscard);
  EXPECT_THAT(parse({"--leftover-votes", "keep"}),
              ElementsAre(HasSubstr("expected refuse, cast or discard")));
}

TEST_F(MachineSettingsTest, EachVoteIsPrintedOnlyIfOneIsUnderWayAtATimeAndQuietIsNotSet) {
  parse({});
  EXPECT_TRUE(settings.prints_each_vote());
  parse({"--in-flight", "2"});
  EXPECT_FALSE(settings.prints_each_vote());
  parse({"--quiet"});
  EXPECT_FALSE(settings.prints_each_vote());
}

TEST_F(MachineSettingsTest, TheBusIsToldByTopicAndHost) {
  parse({"--election", "12", "--machine", "3", "--topic", "rehearsal"});
  const JournalOwner owner = settings.journal_owner("life");
  EXPECT_EQ(owner.topic, "projects/local/topics/rehearsal");
  EXPECT_EQ(owner.host, "127.0.0.1:8085");
  EXPECT_EQ(owner.life, "life");
}

TEST_F(MachineSettingsTest, TheSubscriptionIsNamedAfterTheMachineUnlessItIsGiven) {
  parse({"--machine", "3"});
  EXPECT_EQ(settings.worker_config().subscription, "election-result-3-sub");
  EXPECT_THAT(settings.worker_config().filter, HasSubstr("machineID=\"3\""));
  parse({"--machine", "3", "--subscription", "mine"});
  EXPECT_EQ(settings.worker_config().subscription, "mine");
}

TEST_F(MachineSettingsTest, TheSameSeedCastsTheSameVotes) {
  parse({"--seed", "7"});
  EXPECT_EQ((*settings.simulated_voter())(12, 3, 1).voter,
            (*settings.simulated_voter())(12, 3, 1).voter);
}

TEST_F(MachineSettingsTest, AListOfCodesNeedsTheOfficesKeyAndIsForManyVoters) {
  EXPECT_THAT(parse({"--codes", "list.csv", "--voter", "7"}),
              ElementsAre(HasSubstr("OFFICE_PUBLIC_KEY"), HasSubstr("many voters")));
}

}  // namespace
}  // namespace pollbus::voting_machine
