#include "base/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/logging.h"
#include "support/manual_clock.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;

class ReadinessTest : public ::testing::Test {
 protected:
  testing::ManualClock clock;
  Readiness readiness{clock};
};

TEST_F(ReadinessTest, AProcessWithoutPartsIsNotReady) {
  EXPECT_FALSE(readiness.all_ready());
  EXPECT_THAT(readiness.json(), HasSubstr("\"ready\":false"));
}

TEST_F(ReadinessTest, AnExpectedPartIsNotReadyAtFirst) {
  readiness.expect("redis");
  EXPECT_FALSE(readiness.all_ready());
  readiness.ready("redis");
  EXPECT_TRUE(readiness.all_ready());
  readiness.expect("redis");
  EXPECT_TRUE(readiness.all_ready()) << "an expectation came after its fulfilment";
}

TEST_F(ReadinessTest, TheProcessIsReadyWhenEveryPartIs) {
  readiness.ready("bus");
  readiness.not_ready("redis", "away");
  EXPECT_FALSE(readiness.all_ready());
  readiness.ready("redis");
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(ReadinessTest, JsonShowsEachPartWithReasonAndTime) {
  readiness.expect("redis");
  readiness.ready("bus");
  clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(readiness.json(),
            R"({"parts":{"bus":{"ready":true,"since_seconds":3},)"
            R"("redis":{"ready":false,"reason":"starting","since_seconds":3}},"ready":false})");
  readiness.ready("redis");
  clock.advance(std::chrono::seconds(4));
  EXPECT_EQ(readiness.json(), R"({"parts":{"bus":{"ready":true,"since_seconds":7},)"
                              R"("redis":{"ready":true,"since_seconds":4}},"ready":true})");
}

TEST_F(ReadinessTest, ANewReasonKeepsTheTimeSinceThePartIsNotReady) {
  readiness.ready("redis");
  readiness.not_ready("redis", "refused");
  clock.advance(std::chrono::seconds(5));
  readiness.not_ready("redis", "timed out");
  EXPECT_THAT(readiness.json(),
              HasSubstr(R"({"ready":false,"reason":"timed out","since_seconds":5})"));
}

TEST_F(ReadinessTest, TheJsonIsValidWhateverTheReasonContains) {
  readiness.not_ready("redis", "a \"quote\",\na newline and \xff");
  EXPECT_THAT(readiness.json(), HasSubstr(R"(a \"quote\",\na newline and )"));
}

TEST_F(ReadinessTest, LogsAChangeOnce) {
  set_up_logging("test", LogFormat::kText, LogLevel::kInfo);
  ::testing::internal::CaptureStderr();
  readiness.expect("redis");
  readiness.not_ready("redis", "not yet");
  readiness.ready("redis");
  readiness.ready("redis");
  readiness.not_ready("redis", "away");
  readiness.not_ready("redis", "still away");
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
  EXPECT_THAT(log, HasSubstr("ready part=\"redis\" after_ms=0\n"));
  EXPECT_THAT(log, HasSubstr("not ready part=\"redis\" reason=\"away\"\n"));
}

}  // namespace
}  // namespace pollbus
