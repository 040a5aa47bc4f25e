// Messages that no holder of a key has made, at a logger, a recorder and a machine: each leaves one
// notice in the quarantine topic and has no other effect and no answer.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>

#include "bus/admin.h"
#include "election/messages.h"
#include "election/uuid.h"
#include "election/wire.h"
#include "integration/election_fixture.h"
#include "support/eventually.h"
#include "support/http_get.h"
#include "support/random_hex.h"

namespace pollbus::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr std::int64_t kMachine = 3;
constexpr std::int64_t kOtherMachine = 4;
const std::string kMac(wire::kMac);
const std::string kMachineId(wire::kMachineId);

struct Forgery {
  std::string what;
  Message message;
};

std::string in_capitals(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// `genuine` with its MAC, in all the ways that do not need the key. `other` is another message of
// the same kind with its MAC, `earlier` is `genuine` with the MAC of a key that is no longer used.
std::vector<Forgery> forgeries_of(const Message& genuine, const Message& other,
                                  const Message& earlier) {
  std::vector<Forgery> all;
  const auto add = [&](const std::string& what, auto change) {
    Message message = genuine;
    change(message);
    all.push_back({what, std::move(message)});
  };
  const std::string mac = genuine.attribute(kMac);
  add("no MAC", [](Message& m) { m.attributes.erase(kMac); });
  add("an empty MAC", [](Message& m) { m.attributes[kMac] = ""; });
  add("zeros", [](Message& m) { m.attributes[kMac] = std::string(64, '0'); });
  add("the MAC of another message", [&](Message& m) { m.attributes = other.attributes; });
  add("another UUID",
      [](Message& m) { m.data.replace(m.data.find("\"UUID\":\"") + 8, 36, random_uuid()); });
  add("more data", [](Message& m) { m.data += ' '; });
  add("a MAC that is cut off", [&](Message& m) { m.attributes[kMac] = mac.substr(0, 32); });
  add("a digit less", [&](Message& m) { m.attributes[kMac] = mac.substr(0, 63); });
  add("a digit more", [&](Message& m) { m.attributes[kMac] = mac + "0"; });
  add("upper case", [&](Message& m) { m.attributes[kMac] = in_capitals(mac); });
  all.push_back({"a key that is no longer used", earlier});
  return all;
}

// The keys after a rotation, without the previous ones.
ServiceKeys other_keys() {
  const auto key = [] {
    return RotatingKey{.current = HashKey::parse(random_hex(HashKey::kBytes)).value(),
                       .previous = {}};
  };
  return {.submit = key(), .record = key(), .result = key()};
}

MachineKeys derived(const ServiceKeys& keys, std::int64_t machine) {
  return {.submit = derive_key(*keys.submit, KeyUse::kSubmit, machine),
          .result = derive_key(*keys.result, KeyUse::kResult, machine)};
}

Message with_mac(const ServiceKeys& keys, Message message) {
  authenticate(keys, {&message, 1});
  return message;
}
Message with_mac(const MachineKeys& keys, std::int64_t machine, Message message) {
  authenticate(keys, machine, {&message, 1});
  return message;
}

// A message with the attributes of `function` and a MAC that a machine made with its own keys.
Message disguised(Message message, const MachineKeys& keys, std::int64_t machine) {
  const auto attributes = message.attributes;
  authenticate(keys, machine, {&message, 1});
  const std::string mac = message.attribute(kMac);
  message.attributes = attributes;
  message.attributes[kMac] = mac;
  return message;
}

class ForgedMessagesTest : public ElectionTest {
 protected:
  ElectionSystem& begin_with_keys(bool started = true) {
    return begin({.started = started, .has_keys = true});
  }

  static void expect_quarantined(const Quarantine& quarantine, std::size_t count,
                                 std::string_view function) {
    ASSERT_TRUE(eventually(20s, [&] { return quarantine.notices().size() >= count; }));
    const Message notice = quarantine.notices().back();
    EXPECT_EQ(notice.attribute("reason"), "not authenticated");
    EXPECT_EQ(notice.attribute("function"), function);
    EXPECT_EQ(notice.data, "");
  }

  // Publishes each forgery, followed by a genuine vote, which goes through.
  void expect_no_effect(ElectionSystem& system, const std::vector<Forgery>& forgeries,
                        std::string_view function) {
    const Quarantine quarantine(system.bus(), system.topic());
    const Witness witness(system.bus(), system.topic());
    const auto machine = system.bus_machine(kMachine);
    std::int64_t voter = 0;
    for (const Forgery& forgery : forgeries) {
      SCOPED_TRACE(forgery.what);
      ASSERT_EQ(machine->publish(forgery.message), absl::OkStatus());
      expect_quarantined(quarantine, static_cast<std::size_t>(voter) + 1, function);
      const auto vote = machine->draw(++voter, 1);
      ASSERT_EQ(machine->cast(vote), absl::OkStatus());
      EXPECT_THAT(machine->answers(vote.uuid, 1),
                  ElementsAre(Field(&Result::outcome, Outcome::kSuccessful)));
    }
    expect_invariants(system, machine->accounts());
    EXPECT_EQ(system.row_count(), voter);
    EXPECT_EQ(std::ssize(system.marks()), voter);
    EXPECT_EQ(std::ssize(witness.messages(wire::kResult)), voter) << "a forgery was answered";
    VotingService& service =
        function == wire::kSubmitVote ? *system.loggers[0] : *system.recorders[0];
    EXPECT_EQ(service.metric("pollbus_not_authenticated_total{function=\"" + std::string(function) +
                             "\"}"),
              static_cast<double>(forgeries.size()));
    EXPECT_TRUE(service.is_ready());
  }
};

TEST_F(ForgedMessagesTest, ASubmittedVoteThatItsMachineHasNotMadeHasNoEffect) {
  ElectionSystem& system = begin_with_keys();
  const auto vote = [&](std::int64_t voter, std::int64_t machine = kMachine) {
    return wire::submit_message({.election = system.election(),
                                 .machine = machine,
                                 .voter = voter,
                                 .choice = 2,
                                 .uuid = random_uuid(),
                                 .timestamp_ms = {}});
  };
  const MachineKeys own = system.machine_keys(kMachine);
  const MachineKeys other = system.machine_keys(kOtherMachine);
  const Message unsent = vote(900);
  std::vector<Forgery> all =
      forgeries_of(with_mac(own, kMachine, unsent), with_mac(own, kMachine, vote(901)),
                   with_mac(derived(other_keys(), kMachine), kMachine, unsent));
  all.push_back({"the MAC of another machine", with_mac(other, kOtherMachine, unsent)});
  Message renamed = with_mac(other, kOtherMachine, unsent);
  renamed.attributes[kMachineId] = std::to_string(kMachine);
  all.push_back({"the key of another machine under this machine's ID", renamed});
  Message nameless = with_mac(own, kMachine, unsent);
  nameless.attributes.erase(kMachineId);
  all.push_back({"no machine ID", nameless});
  all.push_back({"not JSON", {"not JSON", {{"function", "submit vote"}}}});
  expect_no_effect(system, all, wire::kSubmitVote);
}

TEST_F(ForgedMessagesTest, AVoteToRecordThatNoLoggerHasMadeHasNoEffect) {
  ElectionSystem& system = begin_with_keys();
  const auto vote = [&] {
    return wire::record_message(
        {.election = system.election(), .machine = kMachine, .choice = 2, .uuid = random_uuid()});
  };
  const Message unsent = vote();
  std::vector<Forgery> all =
      forgeries_of(with_mac(system.keys(), unsent), with_mac(system.keys(), vote()),
                   with_mac(other_keys(), unsent));
  all.push_back({"the keys of a machine",
                 disguised(unsent, system.machine_keys(kOtherMachine), kOtherMachine)});
  all.push_back({"not JSON", {"not JSON", {{"function", "record vote"}}}});
  expect_no_effect(system, all, wire::kRecordVote);
}

TEST_F(ForgedMessagesTest, AnAnswerThatNoServiceHasMadeEndsNoVote) {
  ElectionSystem& system = begin_with_keys(/*started=*/false);
  const Quarantine quarantine(system.bus(), system.topic());
  const Witness witness(system.bus(), system.topic());
  ASSERT_EQ(Admin(connect(system.bus()))
                .ensure_subscription({.name = system.bus().subscription_path("election-submit-sub"),
                                      .topic = system.bus().topic_path(system.topic()),
                                      .filter = wire::submit_filter()}),
            absl::OkStatus());
  const auto machine = system.launch_machine({.machine = kMachine, .votes = 1});
  ASSERT_TRUE(eventually(20s, [&] { return witness.count(wire::kSubmitVote) > 0; }));
  const auto uuid = witness.accounts().begin()->first;
  const auto result = [](std::int64_t id, const std::string& of) {
    return wire::result_message(id, {.outcome = Outcome::kSuccessful, .uuid = of, .reason = {}});
  };
  const Message unsent = result(kMachine, uuid);
  std::vector<Forgery> all = forgeries_of(with_mac(system.keys(), unsent),
                                          with_mac(system.keys(), result(kMachine, random_uuid())),
                                          with_mac(other_keys(), unsent));
  Message renamed = with_mac(system.keys(), result(kOtherMachine, uuid));
  renamed.attributes[kMachineId] = std::to_string(kMachine);
  all.push_back({"an answer to another machine", renamed});
  all.push_back({"the keys of another machine",
                 disguised(unsent, system.machine_keys(kOtherMachine), kOtherMachine)});
  const auto forger = system.bus_machine(kOtherMachine);
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(all[i].what);
    ASSERT_EQ(forger->publish(all[i].message), absl::OkStatus());
    expect_quarantined(quarantine, i + 1, wire::kResult);
  }
  EXPECT_TRUE(machine->is_running());
  EXPECT_TRUE(eventually(20s, [&] { return machine->metric("pollbus_votes_pending") == 1; }));
  system.start_services();
  EXPECT_EQ(machine->finish().successful, 1);
  EXPECT_EQ(system.row_count(), 1);
}

TEST_F(ForgedMessagesTest, AGenuineMessageThatIsPublishedAgainChangesNothing) {
  ElectionSystem& system = begin_with_keys();
  const Witness witness(system.bus(), system.topic());
  const auto machine = system.bus_machine(kMachine);
  const auto vote = machine->draw(43, 1);
  ASSERT_EQ(machine->cast(vote), absl::OkStatus());
  EXPECT_THAT(machine->answers(vote.uuid, 1), SizeIs(1));
  ASSERT_TRUE(eventually(20s, [&] { return witness.count(wire::kResult) == 1; }));
  ASSERT_TRUE(eventually(20s, [&] { return witness.count(wire::kRecordVote) == 1; }));
  ASSERT_TRUE(eventually(20s, [&] { return witness.count(wire::kSubmitVote) == 1; }));
  for (const auto function : {wire::kSubmitVote, wire::kRecordVote, wire::kResult})
    ASSERT_EQ(machine->publish(witness.messages(function)[0]), absl::OkStatus());
  EXPECT_THAT(machine->answers(vote.uuid, 4), Each(Field(&Result::outcome, Outcome::kSuccessful)));
  EXPECT_EQ(system.row_count(), 1);
  EXPECT_THAT(system.marks(), SizeIs(1));
}

TEST_F(ForgedMessagesTest, AnElectionWithKeysKeepsEveryInvariant) {
  ElectionSystem& system = begin({.loggers = 2, .recorders = 2, .has_keys = true});
  const auto first = system.launch_machine({.machine = 1, .votes = 500, .voters = 600});
  const auto second = system.launch_machine({.machine = 2, .votes = 500, .voters = 600, .seed = 2});
  const std::vector<MachineSummary> summaries{first->finish(), second->finish()};
  expect_invariants(system, {}, summaries);
  EXPECT_GT(summaries[0].successful, 0);
}

TEST_F(ForgedMessagesTest, WhileAKeyIsChangedTheVotesOfOldAndNewMachinesGoThrough) {
  ElectionSystem& system = begin_with_keys();
  const ServiceKeys rotated = other_keys();
  Environment environment = system.logger_environment();
  environment["SUBMIT_KEY_PREVIOUS"] = environment["SUBMIT_KEY"];
  environment["SUBMIT_KEY"] = text_of_key(rotated.submit->current);
  ASSERT_EQ(system.loggers[0]->stop(), 0);
  system.loggers[0] =
      std::make_unique<VotingService>("voting-logger", "rotated", environment, folder());
  system.start_services();

  const auto old_machine = system.bus_machine(kMachine);
  BusMachine new_machine(system.bus(), system.topic(), system.election(), kOtherMachine,
                         {.submit = derived(rotated, kOtherMachine).submit,
                          .result = system.machine_keys(kOtherMachine).result});
  std::int64_t voter = 0;
  for (BusMachine* machine : {old_machine.get(), &new_machine}) {
    ASSERT_EQ(machine->cast(machine->draw(++voter, 1)), absl::OkStatus());
    EXPECT_TRUE(machine->wait_for_all_answers(20s));
  }
  EXPECT_EQ(system.row_count(), 2);
}

TEST_F(ForgedMessagesTest, ALoggerWithAWrongKeyIsNotReadyAndNamesTheKey) {
  ElectionSystem& system = begin_with_keys();
  Environment environment = system.logger_environment();
  environment["SUBMIT_KEY"] = random_hex(HashKey::kBytes);
  ASSERT_EQ(system.loggers[0]->stop(), 0);
  VotingService logger("voting-logger", "wrong-key", environment, folder());
  logger.launch();
  logger.wait_until_ready(20s);
  const auto machine = system.bus_machine(kMachine);
  EXPECT_TRUE(eventually(40s, [&] {
    machine->cast(machine->draw(43, 1)).IgnoreError();
    return !logger.is_ready();
  }));
  EXPECT_THAT(http_get(logger.http_port(), "/readyz")->body, HasSubstr("SUBMIT_KEY does not fit"));
  EXPECT_THAT(system.marks(), IsEmpty());
  EXPECT_EQ(logger.stop(), 0);
}

TEST_F(ForgedMessagesTest, ALoggerWithOnlySomeOfItsKeysDoesNotStart) {
  ElectionSystem& system = begin_with_keys();
  Environment environment = system.logger_environment();
  environment.erase("RECORD_KEY");
  VotingService logger("voting-logger", "partly", environment, folder());
  logger.launch();
  EXPECT_EQ(logger.wait_for_end(20s), 2);
  EXPECT_THAT(logger.log(), HasSubstr("RECORD_KEY: missing, although RESULT_KEY, SUBMIT_KEY"));
}

}  // namespace
}  // namespace pollbus::testing
