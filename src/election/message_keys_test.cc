#include "election/message_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/messages.h"
#include "election/office_messages.h"
#include "support/received_message.h"

namespace pollbus {
namespace {

using testing::received;

constexpr char kUuid[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

RotatingKey key(char digit) {
  return {.current = HashKey::parse(std::string(64, digit)).value(), .previous = {}};
}

const ServiceKeys kKeys{.submit = key('a'), .record = key('b'), .result = key('c')};

MachineKeys keys_of(std::int64_t machine) {
  return {.submit = derive_key(*kKeys.submit, KeyUse::kSubmit, machine),
          .result = derive_key(*kKeys.result, KeyUse::kResult, machine)};
}

Message submitted(std::int64_t machine = 3) {
  return wire::submit_message({.election = 12,
                               .machine = machine,
                               .voter = 43,
                               .choice = 4,
                               .uuid = kUuid,
                               .timestamp_ms = {}});
}
Message recorded() {
  return wire::record_message({.election = 12, .machine = 3, .choice = 4, .uuid = kUuid});
}
Message result(std::int64_t machine = 3) {
  return wire::result_message(machine,
                              {.outcome = Outcome::kSuccessful, .uuid = kUuid, .reason = {}});
}
Message question() { return {"{}", {{"function", "describe election"}}}; }
Message office_answer() { return {"{}", {{"function", "office answer"}, {"officeID", "0a"}}}; }

Message from_machine(Message message, std::int64_t machine = 3) {
  authenticate(keys_of(machine), machine, {&message, 1});
  return message;
}
Message from_service(Message message) {
  authenticate(kKeys, {&message, 1});
  return message;
}

TEST(MessageKeysTest, AMachinesMessagesPassAtTheServices) {
  EXPECT_TRUE(is_authentic(kKeys, received(from_machine(submitted()))));
  EXPECT_TRUE(is_authentic(kKeys, received(from_machine(question()))));
  EXPECT_EQ(from_machine(submitted()).attribute("machineID"), "3");
}

TEST(MessageKeysTest, TheServicesMessagesPassAtTheirReceivers) {
  EXPECT_TRUE(is_authentic(kKeys, received(from_service(recorded()))));
  EXPECT_TRUE(is_authentic(keys_of(3), 3, received(from_service(result()))));
  EXPECT_TRUE(
      is_authentic_office_answer(derive_key(*kKeys.result, KeyUse::kResult, wire::kOfficeIdentity),
                                 received(from_service(office_answer()))));
}

TEST(MessageKeysTest, WithoutKeysMessagesStayAsTheyAreAndAllPass) {
  std::vector<Message> messages{submitted(), recorded(), result()};
  authenticate(ServiceKeys{}, messages);
  authenticate(MachineKeys{}, 3, messages);
  EXPECT_EQ(messages[0].attributes, submitted().attributes);
  EXPECT_EQ(messages[1].attributes, recorded().attributes);
  EXPECT_EQ(messages[2].attributes, result().attributes);
  EXPECT_TRUE(is_authentic(ServiceKeys{}, received(submitted())));
  EXPECT_TRUE(is_authentic(MachineKeys{}, 3, received(result())));
  EXPECT_TRUE(speaks_for(ServiceKeys{}, received(submitted()), 4));
}

TEST(MessageKeysTest, AMessageWithoutAMacOrWithAnothersIsNotAuthentic) {
  EXPECT_FALSE(is_authentic(kKeys, received(submitted())));
  EXPECT_FALSE(is_authentic(kKeys, received(recorded())));
  EXPECT_FALSE(is_authentic(keys_of(3), 3, received(result())));

  Message other = submitted();
  other.attributes = from_machine(submitted(4)).attributes;
  EXPECT_FALSE(is_authentic(kKeys, received(other)));
  EXPECT_FALSE(is_authentic(keys_of(3), 3, received(from_service(result(4)))));

  Message changed = from_machine(submitted());
  changed.data.replace(changed.data.find("6ba7"), 4, "6ba8");
  EXPECT_FALSE(is_authentic(kKeys, received(changed)));
}

TEST(MessageKeysTest, AKeyOfOneMachineDoesNotServeForAnother) {
  Message as_other = from_machine(submitted());
  as_other.attributes["machineID"] = "4";
  EXPECT_FALSE(is_authentic(kKeys, received(as_other)));
  EXPECT_FALSE(is_authentic(keys_of(4), 3, received(from_service(result()))));
}

TEST(MessageKeysTest, AMachineCannotMakeAMessageOfAService) {
  Message vote = recorded();
  vote.attributes["machineID"] = "3";
  for (const MachineKeys& keys :
       {keys_of(3), MachineKeys{.submit = keys_of(3).result, .result = keys_of(3).submit}}) {
    authenticate(keys, 3, {&vote, 1});
    EXPECT_FALSE(is_authentic(kKeys, received(vote)));
  }
}

TEST(MessageKeysTest, AMessageSpeaksForTheMachineOfItsMacOnly) {
  EXPECT_TRUE(speaks_for(kKeys, received(from_machine(submitted())), 3));
  EXPECT_FALSE(speaks_for(kKeys, received(from_machine(submitted(4))), 4));
}

TEST(MessageKeysTest, AnIdThatIsNotWrittenInPlainDigitsIsNotAuthentic) {
  for (const std::string id : {"", "03", "+3", " 3", "3 ", "-1", "3.0", "0x3", "9007199254740992",
                               "99999999999999999999", "three"}) {
    Message message = from_machine(submitted());
    message.attributes["machineID"] = id;
    EXPECT_FALSE(is_authentic(kKeys, received(message))) << id;
  }
}

TEST(MessageKeysTest, AServiceWithoutTheKeyOfAKindOfMessageTakesNone) {
  const ServiceKeys recorder{.submit = {}, .record = key('b'), .result = key('c')};
  EXPECT_FALSE(is_authentic(recorder, received(from_machine(submitted()))));
  EXPECT_FALSE(is_authentic(kKeys, received({"{}", {{"function", "something else"}}})));
  EXPECT_FALSE(is_authentic(kKeys, received({"{}", {}})));
}

}  // namespace
}  // namespace pollbus
