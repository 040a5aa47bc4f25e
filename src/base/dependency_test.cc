#include "base/dependency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <latch>

#include "support/manual_clock.h"

namespace pollbus {
namespace {

using std::chrono::milliseconds;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class DependencyTest : public ::testing::Test {
 protected:
  std::string metrics() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }
  void expect_metrics(int up, int failures) const {
    const std::string text = metrics();
    EXPECT_THAT(text, HasSubstr("pollbus_dependency_up{dependency=\"redis\"} " +
                                std::to_string(up) + "\n"));
    EXPECT_THAT(text, HasSubstr("pollbus_dependency_failures_total{dependency=\"redis\"} " +
                                std::to_string(failures) + "\n"));
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  Dependency redis{"redis", "10.0.0.3:6379", clock, readiness, registry};
  std::stop_source stop;
};

TEST_F(DependencyTest, IsNotReadyBeforeItWasHeardOf) {
  EXPECT_FALSE(readiness.all_ready());
  expect_metrics(0, 0);
}

TEST_F(DependencyTest, HoldsOutWhateverTheErrorAndIsNotReadyMeanwhile) {
  const std::vector<absl::Status> errors{
      absl::UnavailableError("away"), absl::FailedPreconditionError("not ours"),
      absl::NotFoundError("gone"), absl::CancelledError("by the peer"),
      absl::InternalError("broken")};
  std::size_t tries = 0;
  EXPECT_TRUE(redis.hold_until_ok(stop.get_token(), [&] {
    if (tries > 0) {
      EXPECT_FALSE(readiness.all_ready());
      EXPECT_THAT(readiness.json(), HasSubstr(std::string(errors[tries - 1].message())));
      expect_metrics(0, static_cast<int>(tries));
    }
    return tries < errors.size() ? errors[tries++] : absl::OkStatus();
  }));
  EXPECT_EQ(tries, errors.size());
  EXPECT_TRUE(readiness.all_ready());
  expect_metrics(1, static_cast<int>(errors.size()));
}

TEST_F(DependencyTest, HoldsOutWithPausesThatStayWithinTwoSeconds) {
  int tries = 0;
  redis.hold_until_ok(stop.get_token(), [&] {
    return ++tries <= 20 ? absl::UnavailableError("away") : absl::OkStatus();
  });
  EXPECT_THAT(clock.pauses(), SizeIs(20));
  EXPECT_THAT(clock.pauses(), Each(::testing::Le(milliseconds(2'000))));
  EXPECT_LE(clock.pauses().front(), milliseconds(100));
}

TEST_F(DependencyTest, WhatTakesLongIsLoggedAndCounted) {
  const auto after = [&](milliseconds duration) {
    ::testing::internal::CaptureStderr();
    redis.hold_until_ok(stop.get_token(), [&] {
      clock.advance(duration);
      return absl::OkStatus();
    });
    return ::testing::internal::GetCapturedStderr();
  };
  after(milliseconds(0));
  EXPECT_EQ(after(Dependency::kSlow), "");
  EXPECT_NE(after(milliseconds(1'234)).find("slow dependency=\"redis\""), std::string::npos);
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
  EXPECT_NE(text.find("pollbus_dependency_slow_total{dependency=\"redis\"} 1\n"),
            std::string::npos);
}

TEST_F(DependencyTest, StopsHoldingOutWhenAStopIsRequested) {
  int tries = 0;
  EXPECT_FALSE(redis.hold_until_ok(stop.get_token(), [&] {
    if (++tries == 3) stop.request_stop();
    return absl::UnavailableError("away");
  }));
  EXPECT_EQ(tries, 3);
  EXPECT_FALSE(readiness.all_ready());
}

TEST_F(DependencyTest, EndsAtOnceOnWhatWillNotPassAndIsNeverReady) {
  int tries = 0;
  ::testing::internal::CaptureStderr();
  const auto status = redis.hold_while(
      stop.get_token(), [](const absl::Status& error) { return absl::IsUnavailable(error); },
      [&] {
        return ++tries < 3 ? absl::UnavailableError("away")
                           : absl::FailedPreconditionError("not ours");
      });
  EXPECT_EQ(status, absl::FailedPreconditionError("not ours"));
  EXPECT_EQ(tries, 3);
  EXPECT_FALSE(readiness.all_ready());
  EXPECT_EQ(::testing::internal::GetCapturedStderr().find(" ready part"), std::string::npos);
}

TEST_F(DependencyTest, AtTheStartIsTriedAtEvenPausesUntilThePatienceIsOver) {
  int tries = 0;
  const auto status =
      redis.wait_at_start(stop.get_token(), milliseconds(1'000), milliseconds(60'000), [&] {
        ++tries;
        return absl::UnavailableError("away");
      });
  EXPECT_EQ(status, absl::UnavailableError("away"));
  EXPECT_EQ(tries, 61);  // at 0, 1, … 60 seconds
  EXPECT_THAT(clock.pauses(), Each(milliseconds(1'000)));
  EXPECT_FALSE(readiness.all_ready());
}

TEST_F(DependencyTest, AtTheStartIsReadyAsSoonAsItAnswers) {
  int tries = 0;
  EXPECT_TRUE(redis
                  .wait_at_start(stop.get_token(), milliseconds(1'000), milliseconds(60'000),
                                 [&] {
                                   return ++tries < 3 ? absl::UnavailableError("away")
                                                      : absl::OkStatus();
                                 })
                  .ok());
  EXPECT_TRUE(readiness.all_ready());
  expect_metrics(1, 2);
}

TEST_F(DependencyTest, AtTheStartEndsAtOnceOnWhatWillNotPass) {
  int tries = 0;
  const auto status =
      redis.wait_at_start(stop.get_token(), milliseconds(1'000), milliseconds(60'000), [&] {
        ++tries;
        return absl::FailedPreconditionError("not ours");
      });
  EXPECT_EQ(status, absl::FailedPreconditionError("not ours"));
  EXPECT_EQ(tries, 1);
}

TEST_F(DependencyTest, AtTheStartIsCancelledByAStop) {
  const auto status =
      redis.wait_at_start(stop.get_token(), milliseconds(1'000), milliseconds(60'000), [&] {
        stop.request_stop();
        return absl::UnavailableError("away");
      });
  EXPECT_TRUE(absl::IsCancelled(status));
}

TEST_F(DependencyTest, WithoutPatienceIsTriedOnce) {
  int tries = 0;
  EXPECT_FALSE(redis
                   .wait_at_start(stop.get_token(), milliseconds(1'000), milliseconds(0),
                                  [&] {
                                    ++tries;
                                    return absl::UnavailableError("away");
                                  })
                   .ok());
  EXPECT_EQ(tries, 1);
}

TEST_F(DependencyTest, ShowsWhatOneLookAtItHasShown) {
  redis.report(absl::OkStatus());
  EXPECT_TRUE(readiness.all_ready());
  redis.report(absl::UnavailableError("away"));
  EXPECT_FALSE(readiness.all_ready());
  EXPECT_THAT(readiness.json(), HasSubstr("away"));
  expect_metrics(0, 1);
}

TEST_F(DependencyTest, IsWatchedUntilTheWatchIsDropped) {
  std::latch thrice(3);
  std::atomic<int> looks = 0;
  {
    const auto watch = redis.watch(milliseconds(2'000), [&] {
      if (++looks <= 3) thrice.count_down();
      return absl::OkStatus();
    });
    thrice.wait();
  }
  const int at_the_end = looks;
  EXPECT_TRUE(readiness.all_ready());
  EXPECT_EQ(clock.pauses().front(), milliseconds(2'000));
  EXPECT_EQ(looks, at_the_end);
}

}  // namespace
}  // namespace pollbus
