#include "bus/inbound_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "support/manual_clock.h"
#include "support/received_message.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ReceivedMessage received(const std::string& function, Attributes others = {}) {
  Message message{.data = "a secret vote", .attributes = std::move(others)};
  message.attributes["function"] = function;
  message.attributes["other"] = "another secret";
  return testing::received(std::move(message), "77");
}

class InboundCheckTest : public ::testing::Test {
 protected:
  prometheus::Registry registry;
  InboundCheck check{{{"function", "submit vote"}}, registry};
};

TEST_F(InboundCheckTest, StraysAreCountedAndLoggedOnce) {
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(check.is_stray(received("submit vote")));
  EXPECT_TRUE(check.is_stray(received("result")));
  EXPECT_TRUE(check.is_stray(received("")));
  EXPECT_TRUE(check.is_stray({}));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_THAT(prometheus::TextSerializer().Serialize(registry.Collect()),
              HasSubstr("pollbus_strays_total 3\n"));
}

TEST_F(InboundCheckTest, AMessageWithOnlySomeOfTheExpectedAttributesIsAStray) {
  InboundCheck of_machine({{"function", "result"}, {"machineID", "3"}}, registry);
  EXPECT_TRUE(of_machine.is_stray(received("result")));
  EXPECT_TRUE(of_machine.is_stray(received("result", {{"machineID", "30"}})));
  EXPECT_FALSE(of_machine.is_stray(received("result", {{"machineID", "3"}})));
}

TEST_F(InboundCheckTest, ANoticeHoldsReasonFunctionAndMessageIdAndNothingElseOfTheMessage) {
  Outgoing outgoing;
  check.reject("voting: expected an integer", received("submit vote"), std::nullopt, &outgoing);
  EXPECT_THAT(outgoing.messages, IsEmpty());
  ASSERT_THAT(outgoing.notices, SizeIs(1));
  EXPECT_EQ(outgoing.notices[0].data, "");
  EXPECT_EQ(outgoing.notices[0].attributes, (Attributes{{"reason", "voting: expected an integer"},
                                                        {"function", "submit vote"},
                                                        {"messageId", "77"}}));
}

TEST_F(InboundCheckTest, ARejectionIsAnsweredIfTheSenderIsKnown) {
  Outgoing outgoing;
  check.reject("reason", received("submit vote"), Message{.data = "answer", .attributes = {}},
               &outgoing);
  ASSERT_THAT(outgoing.messages, SizeIs(1));
  EXPECT_EQ(outgoing.messages[0].data, "answer");
  EXPECT_THAT(outgoing.notices, SizeIs(1));
}

class InboundKeysTest : public ::testing::Test {
 protected:
  static bool carries_mac(const ReceivedMessage& message) {
    return message.attribute("mac") == "right";
  }
  static ReceivedMessage with_mac(const std::string& mac) {
    return received("submit vote", {{"mac", mac}});
  }
  std::string metrics() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  InboundCheck check{{{"function", "submit vote"}},
                     registry,
                     InboundKeys{.is_authentic = carries_mac,
                                 .setting = "SUBMIT_KEY",
                                 .clock = clock,
                                 .readiness = readiness}};
  Outgoing outgoing;
};

TEST_F(InboundKeysTest, AnAuthenticMessageIsLeftToTheHandler) {
  EXPECT_FALSE(check.is_forged(with_mac("right"), &outgoing));
  EXPECT_THAT(outgoing.notices, IsEmpty());
  EXPECT_THAT(metrics(),
              HasSubstr("pollbus_not_authenticated_total{function=\"submit vote\"} 0\n"));
}

TEST_F(InboundKeysTest, AForgedMessageIsCountedAndQuarantinedAndNotAnswered) {
  EXPECT_TRUE(check.is_forged(with_mac("wrong"), &outgoing));
  EXPECT_TRUE(check.is_forged(received("submit vote"), &outgoing));
  EXPECT_THAT(outgoing.messages, IsEmpty());
  ASSERT_THAT(outgoing.notices, SizeIs(2));
  EXPECT_EQ(outgoing.notices[0].data, "");
  EXPECT_EQ(outgoing.notices[0].attributes, (Attributes{{"reason", "not authenticated"},
                                                        {"function", "submit vote"},
                                                        {"messageId", "77"}}));
  EXPECT_THAT(metrics(),
              HasSubstr("pollbus_not_authenticated_total{function=\"submit vote\"} 2\n"));
}

TEST_F(InboundKeysTest, WhenNothingButForgeriesArriveForAWhileTheProcessIsNotReady) {
  EXPECT_TRUE(readiness.all_ready());
  for (int i = 0; i <= KeyWatch::kLeastFailures; ++i) {
    check.is_forged(with_mac("wrong"), &outgoing);
    clock.advance(KeyWatch::kPatience);
  }
  EXPECT_FALSE(readiness.all_ready());
  EXPECT_THAT(readiness.json(), HasSubstr("SUBMIT_KEY"));
  check.is_forged(with_mac("right"), &outgoing);
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(InboundCheckTest, WithoutKeysNoMessageIsForged) {
  Outgoing outgoing;
  EXPECT_FALSE(check.is_forged(received("submit vote"), &outgoing));
  EXPECT_THAT(outgoing.notices, IsEmpty());
}

}  // namespace
}  // namespace pollbus
