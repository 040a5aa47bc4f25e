// Invalid messages of every kind, at the logger and at the recorder: each is answered `Rejected` if
// it names its sender, leaves one notice in the quarantine topic, and has no other effect.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>

#include "election/messages.h"
#include "election/uuid.h"
#include "election/wire.h"
#include "integration/election_fixture.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace std::chrono_literals;

constexpr std::int64_t kMachine = 3;
constexpr const char* kCanaryVoter = "777000777001";
constexpr const char* kCanaryChoice = "1888777";

struct BadMessage {
  std::string what;
  std::string data;      // {uuid} is replaced by the UUID
  std::string reason{};  // part of the answer's reason; empty if there is no answer
};

// Returns the JSON of a vote with one field set to `value`, or without that field if `value` is
// empty.
std::string vote_with(const std::string& changed, const std::string& value, bool has_voter) {
  std::string json;
  const std::vector<std::pair<std::string, std::string>> fields{{"machine_ID", "3"},
                                                                {"voter_ID", kCanaryVoter},
                                                                {"voting", kCanaryChoice},
                                                                {"election_ID", "12"},
                                                                {"UUID", "\"{uuid}\""}};
  for (const auto& [name, own] : fields) {
    if (name == "voter_ID" && !has_voter) continue;
    const std::string& text = name == changed ? value : own;
    if (text.empty()) continue;
    json += fmt::format("{}\"{}\":{}", json.empty() ? "" : ",", name, text);
  }
  return "{" + json + "}";
}

// `voter`: whether the votes have the field voter_ID, which only a submitted vote has.
std::vector<BadMessage> bad_votes(bool voter) {
  const auto with = [voter](const std::string& name, const std::string& value) {
    return vote_with(name, value, voter);
  };
  const std::string good = with("", "");
  const std::string open = good.substr(0, good.size() - 1);
  std::vector<BadMessage> all{
      {"empty", ""},
      {"not JSON", "vote 1888777"},
      {"cut off", open, "not JSON"},
      {"an array", "[" + good + "]"},
      {"two objects", good + good, "not JSON"},
      {"over 64 KiB", open + ",\"more\":\"" + std::string(66'000, 'x') + "\"}", "65536"},
      {"deeply nested", with("voting", std::string(20'000, '[') + std::string(20'000, ']')),
       "voting must be an integer"},
      {"deeply nested and cut off", open + ",\"more\":" + std::string(20'000, '['), "not JSON"},
      {"invalid UTF-8", open + ",\"more\":\"\xff\"}", "not JSON"},
      {"a NUL", good + std::string(1, '\0'), "not JSON"},
      {"machine missing", with("machine_ID", "")},
      {"machine a text", with("machine_ID", "\"3\"")},
      {"machine given twice", open + ",\"machine_ID\":3}"},
      {"UUID missing", with("UUID", "")},
      {"UUID a number", with("UUID", "7")},
      {"UUID given twice", open + ",\"UUID\":\"{uuid}\"}"},
  };
  std::vector<std::string> numbers{"voting", "election_ID"};
  if (voter) numbers.push_back("voter_ID");
  for (const std::string& name : numbers) {
    all.push_back({name + " missing", with(name, ""), name + " is missing"});
    all.push_back({name + " a text", with(name, "\"1\""), name + " must be an integer"});
    all.push_back({name + " a fraction", with(name, "1.5"), name + " must be an integer"});
    all.push_back({name + " true", with(name, "true"), name + " must be an integer"});
    all.push_back({name + " null", with(name, "null"), name + " must be an integer"});
    all.push_back({name + " negative", with(name, "-1"), name + " must be an integer"});
    all.push_back({name + " too large", with(name, "9007199254740992"), name + " must be an int"});
    // No parser accepts this number, so the UUID after it is not read and there is no answer.
    all.push_back({name + " huge", with(name, "1" + std::string(400, '0'))});
    all.push_back({name + " given twice", open + ",\"" + name + "\":1}", name + " is given more"});
  }
  if (voter) {
    all.push_back({"timestamp a text", open + ",\"timestamp\":\"now\"}", "timestamp must be"});
  }
  return all;
}

std::string with_uuid(std::string data, const std::string& uuid) {
  constexpr std::string_view kPlace = "{uuid}";
  for (auto at = data.find(kPlace); at != data.npos; at = data.find(kPlace)) {
    data.replace(at, kPlace.size(), uuid);
  }
  return data;
}

class BadMessagesTest : public ElectionTest {
 protected:
  // Publishes a message of each kind as `function`, followed by a valid vote.
  void expect_each_is_rejected(std::string_view function, const std::vector<BadMessage>& kinds) {
    ElectionSystem& system = begin();
    const Quarantine quarantine(system.bus(), system.topic());
    const auto machine = system.bus_machine(kMachine);
    std::int64_t voter = 0;
    std::size_t notices = 0;
    for (const BadMessage& bad : kinds) {
      SCOPED_TRACE(bad.what);
      const std::string uuid = random_uuid();
      ASSERT_EQ(
          machine->publish({with_uuid(bad.data, uuid), {{"function", std::string(function)}}}),
          absl::OkStatus());
      const auto vote = machine->draw(++voter, 1);
      ASSERT_EQ(machine->cast(vote), absl::OkStatus());
      EXPECT_THAT(machine->answers(vote.uuid, 1),
                  ElementsAre(Field(&Result::outcome, Outcome::kSuccessful)));
      expect_notice(quarantine, ++notices, function);
      expect_answer(*machine, bad, uuid);
    }
    expect_counts(system, function, kinds.size());
    expect_invariants(system, machine->accounts());
    EXPECT_EQ(system.postgres.query("SELECT id FROM votes").size(), kinds.size());
    EXPECT_EQ(system.redis.keys("voted:*").size(), kinds.size());
    EXPECT_EQ(quarantine.notices().size(), kinds.size());
    expect_nowhere({kCanaryVoter, kCanaryChoice}, logs_in(folder()));
  }

 private:
  static void expect_notice(const Quarantine& quarantine, std::size_t count,
                            std::string_view function) {
    ASSERT_TRUE(eventually(20s, [&] { return quarantine.notices().size() >= count; }));
    const Message notice = quarantine.notices().back();
    EXPECT_EQ(notice.data, "");
    EXPECT_EQ(notice.attributes.size(), 3u);
    EXPECT_EQ(notice.attribute("function"), function);
    EXPECT_NE(notice.attribute(std::string(wire::kMessageId)), "");
    EXPECT_THAT(notice.attribute("reason"),
                AllOf(Not(IsEmpty()), Not(HasSubstr(kCanaryChoice)), Not(HasSubstr(kCanaryVoter))));
  }

  static void expect_answer(BusMachine& machine, const BadMessage& bad, const std::string& uuid) {
    if (bad.reason.empty()) {
      EXPECT_THAT(machine.answers(uuid, 1, 0ms), IsEmpty());
      return;
    }
    EXPECT_THAT(machine.answers(uuid, 1),
                ElementsAre(AllOf(Field(&Result::outcome, Outcome::kRejected),
                                  Field(&Result::reason, HasSubstr(bad.reason)))));
  }

  static void expect_counts(ElectionSystem& system, std::string_view function, std::size_t count) {
    VotingService& service =
        function == wire::kSubmitVote ? *system.loggers[0] : *system.recorders[0];
    EXPECT_EQ(service.metric("pollbus_quarantined_total"), static_cast<double>(count));
    EXPECT_EQ(service.metric("pollbus_votes_total{outcome=\"rejected\"}"),
              static_cast<double>(count));
    EXPECT_TRUE(service.is_ready());
  }
};

TEST_F(BadMessagesTest, ALoggerRejectsEveryKindAndContinues) {
  expect_each_is_rejected(wire::kSubmitVote, bad_votes(true));
}

TEST_F(BadMessagesTest, ARecorderRejectsEveryKindAndContinues) {
  expect_each_is_rejected(wire::kRecordVote, bad_votes(false));
}

TEST_F(BadMessagesTest, ATextThatIsNoUuidIsRejectedAndRepeatedInTheAnswer) {
  ElectionSystem& system = begin();
  const auto machine = system.bus_machine(kMachine);
  auto vote = machine->draw(43, 4);
  vote.uuid = "vote number \"7\" of machine 3";
  EXPECT_EQ(machine->publish(wire::submit_message(vote)), absl::OkStatus());
  EXPECT_THAT(machine->answers(vote.uuid, 1),
              ElementsAre(AllOf(Field(&Result::outcome, Outcome::kRejected),
                                Field(&Result::reason, HasSubstr("RFC 4122")))));
  EXPECT_EQ(system.row_count(), 0);
  EXPECT_THAT(system.marks(), IsEmpty());
}

TEST_F(BadMessagesTest, InvalidMessagesInABatchDoNotAffectTheValidOnes) {
  ElectionSystem& system = begin();
  const Quarantine quarantine(system.bus(), system.topic());
  const auto machine = system.bus_machine(kMachine);
  constexpr std::size_t kVotes = 200;
  for (std::size_t voter = 0; voter < kVotes; ++voter) {
    ASSERT_EQ(machine->cast(machine->draw(static_cast<std::int64_t>(voter), 1)), absl::OkStatus());
    ASSERT_EQ(machine->publish({"{", {{"function", std::string(wire::kSubmitVote)}}}),
              absl::OkStatus());
  }
  EXPECT_TRUE(machine->wait_for_all_answers(20s));
  EXPECT_TRUE(eventually(20s, [&] { return quarantine.notices().size() == kVotes; }));
  expect_invariants(system, machine->accounts());
  EXPECT_EQ(system.row_count(), static_cast<std::int64_t>(kVotes));
}

}  // namespace
}  // namespace pollbus::testing
