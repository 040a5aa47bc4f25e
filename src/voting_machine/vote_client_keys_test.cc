#include <gmock/gmock.h>
#include <prometheus/text_serializer.h>

#include "support/vote_handler_test.h"
#include "voting_machine/vote_client.h"
#include "voting_machine/vote_client_test_fixture.h"

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::machine_keys;
using testing::received;
using testing::service_keys;
using ::testing::SizeIs;

class VoteClientKeysTest : public VoteClientFixture {
 protected:
  VoteClientKeysTest() {
    keys = machine_keys(3);
    start();
  }
  static Message authentic_result(const std::string& uuid, std::int64_t machine = 3) {
    Message message = result_for(uuid, Outcome::kSuccessful, machine);
    authenticate(service_keys(), {&message, 1});
    return message;
  }
  void expect_quarantined(const Message& message) {
    EXPECT_EQ(receive(message), std::vector{Verdict::kAck});
    EXPECT_EQ(client->pending(), 1U);
    EXPECT_THAT(observer->answers(), IsEmpty());
    ASSERT_THAT(quarantine.published(), SizeIs(1));
    EXPECT_EQ(quarantine.published()[0].attribute("reason"), "not authenticated");
    EXPECT_THAT(prometheus::TextSerializer().Serialize(registry.Collect()),
                HasSubstr("pollbus_not_authenticated_total{function=\"result\"} 1\n"));
  }
};

TEST_F(VoteClientKeysTest, AVoteIsPublishedWithTheMacAndTheIdOfTheMachine) {
  const SubmittedVote vote = cast();
  client->deliver({});
  ASSERT_THAT(topic.published(), SizeIs(1));
  const Message published = topic.published()[0];
  EXPECT_EQ(published.data, wire::submit_message(vote).data);
  EXPECT_TRUE(is_authentic(service_keys(), received(published)));
  EXPECT_TRUE(speaks_for(service_keys(), received(published), 3));
}

TEST_F(VoteClientKeysTest, AVoteOfAnEarlierRunIsPublishedWithTheKeyOfThisRun) {
  cast();
  keys.submit = derive_key(*service_keys().record, KeyUse::kSubmit, 3);
  start();
  client->deliver({});
  ASSERT_THAT(topic.published(), SizeIs(1));
  ServiceKeys rotated = service_keys();
  EXPECT_FALSE(is_authentic(rotated, received(topic.published()[0])));
  rotated.submit = rotated.record;
  EXPECT_TRUE(is_authentic(rotated, received(topic.published()[0])));
}

TEST_F(VoteClientKeysTest, AnAuthenticAnswerEndsTheVote) {
  const SubmittedVote vote = cast();
  EXPECT_EQ(receive(authentic_result(vote.uuid)), std::vector{Verdict::kAck});
  EXPECT_EQ(client->pending(), 0U);
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(VoteClientKeysTest, AnAnswerWithoutAMacIsQuarantinedAndEndsNothing) {
  expect_quarantined(result_for(cast().uuid));
}

TEST_F(VoteClientKeysTest, AnAnswerWithTheMacOfAnotherAnswerIsQuarantinedAndEndsNothing) {
  Message forged = result_for(cast().uuid);
  forged.attributes = authentic_result("another").attributes;
  expect_quarantined(forged);
}

TEST_F(VoteClientKeysTest, AnAnswerToAnotherMachineIsQuarantinedAlsoUnderThisMachinesId) {
  Message forged = authentic_result(cast().uuid, 4);
  forged.attributes["machineID"] = "3";
  expect_quarantined(forged);
}

TEST_F(VoteClientKeysTest, AnAnswerIsNotParsedBeforeItsMacIsChecked) {
  cast();
  Message forged = result_for("x");
  forged.data = "not JSON";
  expect_quarantined(forged);
}

}  // namespace
}  // namespace pollbus::voting_machine
