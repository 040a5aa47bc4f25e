#include "bus/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "support/fake_publisher.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

ReceivedMessage received(const std::string& function) {
  ReceivedMessage message;
  message.data = "a secret vote";
  message.attributes = {{"function", function}, {"other", "another secret"}};
  message.id = "77";
  return message;
}

class IntakeTest : public ::testing::Test {
 protected:
  std::string metrics() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }
  Intake::Outcome rejected() {
    Intake::Outcome outcome;
    intake.reject("voting: expected an integer", received("submit vote"), std::nullopt, &outcome);
    return outcome;
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", clock, readiness, registry};
  testing::FakePublisher topic;
  testing::FakePublisher quarantine;
  Intake intake{{topic, quarantine, bus}, {{"function", "submit vote"}}, registry};
  std::stop_source stop;
};

TEST_F(IntakeTest, StraysAreCountedAndLoggedOnce) {
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(intake.is_ours(received("submit vote")));
  EXPECT_FALSE(intake.is_ours(received("result")));
  EXPECT_FALSE(intake.is_ours(received("")));
  EXPECT_FALSE(intake.is_ours({}));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_THAT(metrics(), HasSubstr("pollbus_strays_total 3\n"));
}

TEST_F(IntakeTest, AMessageWithOnlySomeOfTheAttributesIsAStray) {
  Intake of_machine({topic, quarantine, bus}, {{"function", "result"}, {"machineID", "3"}},
                    registry);
  ReceivedMessage message = received("result");
  EXPECT_FALSE(of_machine.is_ours(message));
  message.attributes["machineID"] = "30";
  EXPECT_FALSE(of_machine.is_ours(message));
  message.attributes["machineID"] = "3";
  EXPECT_TRUE(of_machine.is_ours(message));
}

TEST_F(IntakeTest, ANoticeNamesReasonFunctionAndMessageAndHoldsNothingElseOfIt) {
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(intake.publish(rejected(), stop.get_token()));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("messages=1 reason=\"voting: expected an integer\""));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
  EXPECT_THAT(topic.published(), IsEmpty());
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  const Message notice = quarantine.published()[0];
  EXPECT_EQ(notice.data, "");
  EXPECT_EQ(notice.attributes,
            (std::map<std::string, std::string>{{"reason", "voting: expected an integer"},
                                                {"function", "submit vote"},
                                                {"messageId", "77"}}));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantined_total 1\n"));
}

TEST_F(IntakeTest, ARejectionIsAnsweredWhereThereIsWhomToTell) {
  Intake::Outcome outcome;
  intake.reject("reason", received("submit vote"), Message{.data = "answer", .attributes = {}},
                &outcome);
  EXPECT_TRUE(intake.publish(outcome, stop.get_token()));
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].data, "answer");
  EXPECT_THAT(quarantine.published(), SizeIs(1));
}

TEST_F(IntakeTest, NothingIsPublishedForNothing) {
  EXPECT_TRUE(intake.publish({}, stop.get_token()));
  EXPECT_EQ(topic.tries(), 0);
  EXPECT_EQ(quarantine.tries(), 0);
}

TEST_F(IntakeTest, ATopicThatFailsForAWhileIsHeldOutAndTheNoticesWaitForIt) {
  topic.on_publish = [&](auto) {
    EXPECT_EQ(quarantine.tries(), 0);
    return topic.tries() < 2 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  auto outcome = rejected();
  outcome.messages.push_back({.data = "record", .attributes = {}});
  EXPECT_TRUE(intake.publish(outcome, stop.get_token()));
  EXPECT_EQ(topic.tries(), 3);
  EXPECT_EQ(quarantine.tries(), 1);
}

TEST_F(IntakeTest, AQuarantineThatFailsForAWhileIsHeldOut) {
  quarantine.on_publish = [&](auto) {
    return quarantine.tries() < 2 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  EXPECT_TRUE(intake.publish(rejected(), stop.get_token()));
  EXPECT_EQ(quarantine.tries(), 3);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantined_total 1\n"));
}

TEST_F(IntakeTest, ANoticeRefusedForGoodIsLoggedAndCountedAndHoldsNothingUp) {
  quarantine.on_publish = [](auto) { return absl::PermissionDeniedError("no"); };
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(intake.publish(rejected(), stop.get_token()));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("refused"));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
  EXPECT_EQ(quarantine.tries(), 1);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantine_lost_total 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantined_total 0\n"));
}

TEST_F(IntakeTest, AStopWhileTheBusIsAwayIsNoSuccess) {
  topic.on_publish = [&](auto) {
    stop.request_stop();
    return absl::UnavailableError("away");
  };
  Intake::Outcome outcome;
  outcome.messages.push_back({.data = "record", .attributes = {}});
  EXPECT_FALSE(intake.publish(outcome, stop.get_token()));
  quarantine.on_publish = topic.on_publish;
  stop = std::stop_source();
  EXPECT_FALSE(intake.publish(rejected(), stop.get_token()));
}

}  // namespace
}  // namespace pollbus
