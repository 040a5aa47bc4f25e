#include "voting_machine/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Tally some_tally() {
  Tally tally;
  tally.sent = 10;
  tally.recovered = 2;
  tally.successful = 5;
  tally.already_voted = 3;
  tally.rejected = 1;
  tally.timed_out = 4;
  tally.unknown_results = 6;
  tally.started = WallTime(std::chrono::milliseconds(1'000));
  tally.finished = WallTime(std::chrono::milliseconds(5'500));
  for (int i = 0; i < 99; ++i) tally.latency.record(std::chrono::microseconds(20));
  tally.latency.record(std::chrono::microseconds(31));
  return tally;
}

TEST(ReportTest, TheExitCodeSaysWhetherVotesArePendingAndWhetherTheOutputWasClosed) {
  Tally tally;
  EXPECT_EQ(exit_code_for(tally, /*is_stopped=*/false, /*is_output_closed=*/false), 0);
  tally.sent = 1;
  EXPECT_EQ(exit_code_for(tally, /*is_stopped=*/false, /*is_output_closed=*/false), kExitPending);
  EXPECT_EQ(exit_code_for(tally, /*is_stopped=*/true, /*is_output_closed=*/false), 0);
  EXPECT_EQ(exit_code_for(tally, /*is_stopped=*/true, /*is_output_closed=*/true),
            kExitOutputClosed);
}

TEST(ReportTest, TheJsonHasEveryCountUnderItsName) {
  const std::string text = to_json({.election = 12, .machine = 3}, some_tally());
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  const auto expected = nlohmann::json::parse(R"({
      "election": 12, "machine": 3, "sent": 10, "recovered": 2, "successful": 5,
      "already_voted": 3, "rejected": 1, "pending": 3, "timed_out": 4, "unknown_results": 6,
      "started_ms": 1000, "finished_ms": 5500, "votes_per_second": 2.0,
      "latency_ms": {"p50": 0.02, "p95": 0.02, "p99": 0.02},
      "latency_histogram_us": [[20, 99], [31, 1]]})");
  EXPECT_EQ(nlohmann::json::parse(text), expected) << text;
}

TEST(ReportTest, ATallyWithoutVotesIsWrittenWithoutADivisionByZero) {
  const auto json = nlohmann::json::parse(to_json({}, {}));
  EXPECT_EQ(json["votes_per_second"], 0);
  EXPECT_EQ(json["latency_ms"]["p99"], 0);
  EXPECT_TRUE(json["latency_histogram_us"].is_array());
  EXPECT_TRUE(json["latency_histogram_us"].empty());
}

TEST(ReportTest, TheProgressLineSaysHowManyVotesOfHowManyWereSent) {
  const Load load{.machine = 3, .votes = 10};
  const std::string line = to_progress(load, some_tally());
  EXPECT_EQ(line,
            "machine 3: 10 of 10 sent, 9 answered, 3 pending, 2 votes/s, p50 0.0 p95 0.0 p99 0.0 "
            "ms");
  EXPECT_THAT(to_progress({.machine = 3}, some_tally()), HasSubstr("machine 3: 10 sent, "));
}

}  // namespace
}  // namespace pollbus::voting_machine
