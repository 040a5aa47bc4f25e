#include "base/dependency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
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

TEST_F(DependencyTest, IsNotReadyBeforeAnOperationHasSucceeded) {
  EXPECT_FALSE(readiness.all_ready());
  expect_metrics(0, 0);
}

TEST_F(DependencyTest, RetriesWhateverTheErrorAndIsNotReadyMeanwhile) {
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

TEST_F(DependencyTest, RetriesWithPausesOfAtMostTwoSeconds) {
  int tries = 0;
  EXPECT_TRUE(redis.hold_until_ok(stop.get_token(), [&] {
    return ++tries <= 20 ? absl::UnavailableError("away") : absl::OkStatus();
  }));
  EXPECT_THAT(clock.pauses(), SizeIs(20));
  EXPECT_THAT(clock.pauses(), Each(::testing::Le(milliseconds(2'000))));
  EXPECT_LE(clock.pauses().front(), milliseconds(100));
}

TEST_F(DependencyTest, AWatchThatSucceedsDoesNotHideAnOperationThatFails) {
  redis.report("watch", absl::OkStatus());
  int tries = 0;
  EXPECT_TRUE(redis.hold_until_ok(stop.get_token(), [&] {
    if (tries > 0) {
      redis.report("watch", absl::OkStatus());
      EXPECT_FALSE(readiness.all_ready());
      EXPECT_THAT(readiness.json(), HasSubstr("no space"));
    }
    return ++tries < 5 ? absl::UnavailableError("no space") : absl::OkStatus();
  }));
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(DependencyTest, IsReadyOnlyWhenEveryOperationWorks) {
  redis.report("stream", absl::UnavailableError("one"));
  redis.report("watch", absl::UnavailableError("two"));
  redis.report("stream", absl::OkStatus());
  EXPECT_FALSE(readiness.all_ready());
  EXPECT_THAT(readiness.json(), HasSubstr("two"));
  redis.report("watch", absl::OkStatus());
  EXPECT_TRUE(readiness.all_ready());
}

TEST_F(DependencyTest, RefusedItemsOfABatchAreIsolatedAndTheOthersProcessed) {
  for (const std::vector<std::size_t>& bad :
       {std::vector<std::size_t>{}, {0}, {6}, {2, 3}, {0, 1, 2, 3, 4, 5, 6}}) {
    std::vector<std::size_t> processed;
    const auto is_bad = [&](std::size_t item) { return std::ranges::find(bad, item) != bad.end(); };
    const auto refused =
        redis.hold_batch(stop.get_token(), 7, [&](std::size_t first, std::size_t n) {
          for (std::size_t item = first; item < first + n; ++item) {
            if (is_bad(item)) return absl::InvalidArgumentError("item " + std::to_string(item));
          }
          for (std::size_t item = first; item < first + n; ++item) processed.push_back(item);
          return absl::OkStatus();
        });
    ASSERT_TRUE(refused.ok());
    EXPECT_TRUE(readiness.all_ready()) << "a refusal is an answer";
    std::vector<std::size_t> positions;
    for (const auto& [position, error] : *refused) {
      positions.push_back(position);
      EXPECT_EQ(error.message(), "item " + std::to_string(position));
    }
    EXPECT_EQ(positions, bad);
    EXPECT_EQ(processed.size(), 7 - bad.size());
    EXPECT_TRUE(std::ranges::is_sorted(processed));
    EXPECT_TRUE(std::ranges::none_of(processed, is_bad));
  }
}

TEST_F(DependencyTest, AnEmptyBatchCallsNothing) {
  const auto refused =
      redis.hold_batch(stop.get_token(), 0, [](std::size_t, std::size_t) -> absl::Status {
        ADD_FAILURE();
        return absl::OkStatus();
      });
  EXPECT_TRUE(refused.ok() && refused->empty());
}

TEST_F(DependencyTest, ABatchIsCancelledByAStop) {
  EXPECT_TRUE(absl::IsCancelled(redis
                                    .hold_batch(stop.get_token(), 3,
                                                [&](std::size_t, std::size_t) {
                                                  stop.request_stop();
                                                  return absl::UnavailableError("away");
                                                })
                                    .status()));
}

TEST_F(DependencyTest, ASlowOperationIsLoggedAndCounted) {
  const auto after = [&](milliseconds duration) {
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(redis.hold_until_ok(stop.get_token(), [&] {
      clock.advance(duration);
      return absl::OkStatus();
    }));
    return ::testing::internal::GetCapturedStderr();
  };
  after(milliseconds(0));
  EXPECT_EQ(after(Dependency::kSlow), "");
  EXPECT_NE(after(milliseconds(1'234)).find("slow dependency=\"redis\""), std::string::npos);
  EXPECT_THAT(metrics(), HasSubstr("pollbus_dependency_slow_total{dependency=\"redis\"} 1\n"));
}

TEST_F(DependencyTest, StopsRetryingWhenAStopIsRequested) {
  int tries = 0;
  EXPECT_FALSE(redis.hold_until_ok(stop.get_token(), [&] {
    if (++tries == 3) stop.request_stop();
    return absl::UnavailableError("away");
  }));
  EXPECT_EQ(tries, 3);
  EXPECT_FALSE(readiness.all_ready());
}

TEST_F(DependencyTest, EndsAtOnceOnAnErrorThatShallNotBeRetriedAndIsNeverReady) {
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

TEST_F(DependencyTest, AtTheStartRetriesAtEvenPausesUntilItsPatienceIsOver) {
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

TEST_F(DependencyTest, AtTheStartGivesUpAtOnceOnAnErrorThatIsNotTransient) {
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

TEST_F(DependencyTest, ShowsTheLastReport) {
  redis.report("watch", absl::OkStatus());
  EXPECT_TRUE(readiness.all_ready());
  redis.report("watch", absl::UnavailableError("away"));
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
