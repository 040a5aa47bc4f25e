#include "bus/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "support/fake_publisher.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Message message(const std::string& data) {
  return {.data = data, .attributes = {{"function", "record vote"}}};
}
Outgoing a_notice() { return {.messages = {}, .notices = {quarantine_notice("why", {}, "77")}}; }
Outgoing messages(const std::vector<std::string>& data) {
  Outgoing outgoing;
  for (const std::string& one : data) outgoing.messages.push_back(message(one));
  return outgoing;
}

class OutboxTest : public ::testing::Test {
 protected:
  std::string metrics() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }
  bool publish(const Outgoing& outgoing) { return outbox.publish(outgoing, stop.get_token()); }
  std::vector<std::string> published() const {
    std::vector<std::string> data;
    for (const Message& one : topic.published()) data.push_back(one.data);
    return data;
  }
  // The bus refuses every request that carries this data.
  void refuse(const std::string& data) {
    topic.on_publish = [data](std::span<const Message> batch) {
      for (const Message& one : batch) {
        if (one.data == data) return absl::InvalidArgumentError("attribute too long");
      }
      return absl::OkStatus();
    };
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", clock, readiness, registry};
  testing::FakePublisher topic;
  testing::FakePublisher quarantine;
  Outbox outbox{{topic, quarantine, bus}, registry};
  std::stop_source stop;
};

TEST_F(OutboxTest, PublishesMessagesAndNotices) {
  Outgoing outgoing = messages({"a", "b"});
  outgoing.notices = a_notice().notices;
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(publish(outgoing));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("messages=1 reason=\"why\""));
  EXPECT_THAT(published(), ElementsAre("a", "b"));
  EXPECT_THAT(quarantine.published(), SizeIs(1));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantined_total 1\n"));
}

TEST_F(OutboxTest, PublishesNothingWhenThereIsNothingToPublish) {
  EXPECT_TRUE(publish({}));
  EXPECT_EQ(topic.tries(), 0);
  EXPECT_EQ(quarantine.tries(), 0);
}

TEST_F(OutboxTest, WaitsForAnUnavailableTopicBeforeItPublishesNotices) {
  topic.on_publish = [&](auto) {
    EXPECT_EQ(quarantine.tries(), 0);
    return topic.tries() < 2 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  Outgoing outgoing = messages({"a"});
  outgoing.notices = a_notice().notices;
  EXPECT_TRUE(publish(outgoing));
  EXPECT_EQ(topic.tries(), 3);
  EXPECT_EQ(quarantine.tries(), 1);
}

TEST_F(OutboxTest, WaitsUntilAMissingTopicOrPermissionIsBack) {
  topic.on_publish = [&](auto) {
    return topic.tries() == 0   ? absl::NotFoundError("no topic")
           : topic.tries() == 1 ? absl::PermissionDeniedError("no")
                                : absl::OkStatus();
  };
  EXPECT_TRUE(publish(messages({"a"})));
  EXPECT_THAT(published(), ElementsAre("a"));
}

TEST_F(OutboxTest, WaitsForAnUnavailableQuarantineTopic) {
  quarantine.on_publish = [&](auto) {
    return quarantine.tries() < 2 ? absl::UnavailableError("away") : absl::OkStatus();
  };
  EXPECT_TRUE(publish(a_notice()));
  EXPECT_EQ(quarantine.tries(), 3);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantined_total 1\n"));
}

TEST_F(OutboxTest, AMessageThatTheBusRefusesDoesNotHoldUpTheOthers) {
  refuse("bad");
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(publish(messages({"a", "b", "bad", "c", "d"})));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("refused a message"));
  EXPECT_THAT(published(), ElementsAre("a", "b", "c", "d"));
  ASSERT_THAT(quarantine.published(), SizeIs(1));
  const Message notice = quarantine.published()[0];
  EXPECT_EQ(notice.data, "");
  EXPECT_EQ(notice.attribute("function"), "record vote");
  EXPECT_THAT(notice.attribute("reason"), HasSubstr("refused by the bus"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_publish_refused_total 1\n"));
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(OutboxTest, ARefusedNoticeIsLoggedAndCountedAndHoldsNothingUp) {
  quarantine.on_publish = [](auto) { return absl::PermissionDeniedError("no"); };
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(publish(a_notice()));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("refused quarantine notices"));
  EXPECT_EQ(quarantine.tries(), 1);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantine_lost_total 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("pollbus_quarantined_total 0\n"));
}

TEST_F(OutboxTest, AStopWhileTheBusIsUnavailableIsNoSuccess) {
  topic.on_publish = [&](auto) {
    stop.request_stop();
    return absl::UnavailableError("away");
  };
  EXPECT_FALSE(publish(messages({"a"})));
  quarantine.on_publish = topic.on_publish;
  stop = std::stop_source();
  EXPECT_FALSE(publish(a_notice()));
}

TEST_F(OutboxTest, ALongReasonIsCutToTheLengthOfAnAttribute) {
  EXPECT_EQ(quarantine_notice(std::string(5'000, 'x'), {}, "1").attribute("reason").size(), 1'024U);
}

}  // namespace
}  // namespace pollbus
