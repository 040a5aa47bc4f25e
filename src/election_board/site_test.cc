#include "election_board/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "election_board/board_fixture.h"
#include "election_board/look_up.h"

namespace pollbus::election_board {
namespace {

using testing::HasSubstr;

std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [each, value] : response.headers)
    if (each == name) return value;
  return "";
}

class SiteTest : public testing::Test {
 protected:
  SiteTest() : election(two_choices()), builder(std::nullopt) { election.add(EventKind::kOpen); }

  std::vector<Site::News> show() {
    auto news = site.show(builder.update(election.counts));
    election.counts.events.clear();
    election.counts.now_utc_ms += 1'000;
    return news;
  }
  HttpResponse get(const std::string& target, const std::string& etag = "") {
    HttpRequest request{.method = "GET"};
    request.path = std::string_view(target).substr(0, target.find('?'));
    if (request.path.size() < target.size())
      request.query = std::string_view(target).substr(request.path.size() + 1);
    if (!etag.empty()) request.headers.emplace_back("if-none-match", etag);
    return site.respond(request);
  }
  nlohmann::json live() { return nlohmann::json::parse(get("/elections/12/live.json").body); }

  FakeElection election;
  SnapshotBuilder builder;
  absl::StatusOr<std::vector<std::int64_t>> receipts = std::vector<std::int64_t>{};
  std::string asked;
  Site site{[this](std::string_view prefix) {
    asked = prefix;
    return receipts;
  }};
};

TEST_F(SiteTest, SaysThatItHasNoFiguresYetBeforeTheFirstReading) {
  EXPECT_EQ(get("/").status, 503);
  EXPECT_EQ(get("/board.css").status, 200);
}

TEST_F(SiteTest, ServesThePagesOfAnElection) {
  show();
  for (const char* path : {"/", "/elections/12", "/elections/12/history", "/tracking",
                           "/elections/12/live.json", "/elections/12/results.csv"})
    EXPECT_EQ(get(path).status, 200) << path;
}

TEST_F(SiteTest, AnElectionThatCannotBeVerifiedHasAPageThatSaysSoAndNothingElse) {
  election.counts.events[0].event.data = "{}";
  show();
  for (const char* path : {"/", "/elections/12", "/elections/12/history"}) {
    EXPECT_EQ(get(path).status, 200) << path;
    EXPECT_THAT(get(path).body, HasSubstr("Election number 12")) << path;
    EXPECT_THAT(get(path).body, HasSubstr("cannot be verified")) << path;
  }
  EXPECT_THAT(get("/").body, testing::Not(HasSubstr("No election has been defined")));
  for (const char* path : {"/elections/12/live.json", "/elections/12/events",
                           "/elections/12/results.csv", "/elections/12/results.json"})
    EXPECT_EQ(get(path).status, 404) << path;
}

TEST_F(SiteTest, AnythingElseIsNotFound) {
  show();
  for (const char* path :
       {"/elections/13", "/elections/012", "/elections/12x", "/elections/", "/elections/12/",
        "/elections/-1", "/elections/99999999999999999999", "/results.csv", "/../etc/passwd"})
    EXPECT_EQ(get(path).status, 404) << path;
}

TEST_F(SiteTest, ABrowserThatHasThePageAlreadyGetsNothingAgain) {
  show();
  const HttpResponse first = get("/elections/12/live.json");
  const std::string etag = header_of(first, "ETag");
  EXPECT_EQ(get("/elections/12/live.json", etag).status, 304);
  show();  // nothing has changed
  EXPECT_EQ(get("/elections/12/live.json", etag).status, 304);
  election.set_votes({1, 0});
  show();
  EXPECT_EQ(get("/elections/12/live.json", etag).status, 200);
}

TEST_F(SiteTest, FiguresOfPageAndLiveUpdateComeFromTheSameSnapshot) {
  election.set_votes({1'000, 234});
  show();
  const auto json = live();
  EXPECT_EQ(json["texts"]["voted"], "1,234");
  EXPECT_THAT(get("/elections/12").body, HasSubstr("<span data-key=\"voted\">1,234</span>"));
  EXPECT_THAT(get("/elections/12").body,
              HasSubstr("data-number=\"" + json["number"].dump() + "\""));
}

TEST_F(SiteTest, LiveUpdatesHoldNothingButTurnoutBeforeTheClose) {
  election.set_votes({1'000, 234});
  show();
  const std::string one = get("/elections/12/live.json").body;
  EXPECT_EQ(one.find("choice-"), std::string::npos);
  EXPECT_EQ(one.find("1,000"), std::string::npos);
}

TEST_F(SiteTest, TheStructureOfAPageChangesWithThePhase) {
  show();
  const auto before = live()["structure"];
  election.set_votes({1, 0});
  show();
  const auto with_votes = live()["structure"];
  EXPECT_NE(before, with_votes) << "because a first vote adds the chart";
  election.set_votes({2, 0});
  show();
  EXPECT_EQ(live()["structure"], with_votes);
  election.add(EventKind::kClose);
  show();
  EXPECT_NE(live()["structure"], with_votes);
}

TEST_F(SiteTest, KeepsShowingTheLastFiguresWhileTheDatabaseIsAwayAndLiveUpdatesSaySo) {
  show();
  site.show_trouble();
  EXPECT_EQ(get("/elections/12").status, 200);
  EXPECT_EQ(get("/elections/12/live.json").status, 503);
  show();
  EXPECT_EQ(get("/elections/12/live.json").status, 200);
}

TEST_F(SiteTest, AStreamBeginsWithTheFiguresAndGoesOnWhenTheyChange) {
  show();
  const HttpResponse first = get("/elections/12/events?lang=fr");
  EXPECT_EQ(first.content_type, "text/event-stream");
  EXPECT_EQ(header_of(first, "Cache-Control"), "no-store");
  EXPECT_EQ(header_of(first, "X-Accel-Buffering"), "no") << "or nginx would hold events back";
  EXPECT_THAT(first.body, HasSubstr("data: " + get("/elections/12/live.json?lang=fr").body));
  EXPECT_THAT(show(), testing::IsEmpty()) << "nothing has changed";
  election.set_votes({1'000, 234});
  const auto news = show();
  ASSERT_EQ(news.size(), 1);
  EXPECT_EQ(news[0].channel, first.channel);
  EXPECT_EQ(news[0].bytes, "data: " + get("/elections/12/live.json?lang=fr").body + "\n\n");
}

TEST_F(SiteTest, AStreamSaysOnceThatTheDatabaseIsAwayAndWhenItIsBack) {
  show();
  get("/elections/12/events");
  ASSERT_EQ(site.show_trouble().size(), 1);
  EXPECT_THAT(site.show_trouble(), testing::IsEmpty());
  EXPECT_THAT(get("/elections/12/events").body, HasSubstr("event: trouble"));
  const auto news = show();
  ASSERT_EQ(news.size(), 1);
  EXPECT_THAT(news[0].bytes, testing::StartsWith("data: {\"number\""));
}

TEST_F(SiteTest, OnlyElectionsHaveStreams) {
  show();
  for (const char* path : {"/elections/13/events", "/elections/012/events", "/elections/events",
                           "/elections//events", "/events"})
    EXPECT_EQ(get(path).status, 404) << path;
}

TEST_F(SiteTest, ADownloadIsNamedUnofficialUntilTheResultIsCertified) {
  show();
  EXPECT_EQ(header_of(get("/elections/12/results.csv"), "Content-Disposition"),
            "attachment; filename=\"UNOFFICIAL-election-12-results.csv\"");
  EXPECT_THAT(get("/elections/12/results.cdf.json").body, HasSubstr("unofficial-partial"));
}

TEST_F(SiteTest, LooksUpATrackingCodeByThePrefixOfItsReceipt) {
  show();
  receipts = std::vector<std::int64_t>{12};
  EXPECT_THAT(get("/tracking?code=0000+0000+0000+0001").body, HasSubstr("recorded in:"));
  EXPECT_EQ(asked, std::string("\0\0\0\0\0\0\0\0\0\1", 10));
  receipts = std::vector<std::int64_t>{};
  EXPECT_THAT(get("/tracking?code=0000-0000-0000-0001").body, HasSubstr("No vote with this code"));
  receipts = absl::UnavailableError("away");
  EXPECT_THAT(get("/tracking?code=0000-0000-0000-0001").body, HasSubstr("cannot look up codes"));
}

TEST_F(SiteTest, AnswersToTrackingCodesAreNotKeptByTheBrowser) {
  show();
  EXPECT_EQ(header_of(get("/tracking?code=x"), "Cache-Control"), "no-store");
}

TEST_F(SiteTest, EveryPageHasAStrictPolicy) {
  show();
  for (const char* path : {"/", "/elections/12", "/tracking", "/nowhere", "/board.mjs"})
    EXPECT_THAT(header_of(get(path), "Content-Security-Policy"), HasSubstr("default-src 'none'"))
        << path;
}

TEST_F(SiteTest, ManyDifferentQueriesDoNotFillTheMemory) {
  show();
  for (int i = 0; i < 1'000; ++i) {
    const HttpResponse response = get("/elections/12?lang=xx" + std::to_string(i));
    ASSERT_EQ(header_of(response, "ETag"), header_of(get("/elections/12"), "ETag"));
  }
}

class FakeReader : public ResultsReader {
 public:
  explicit FakeReader(int& calls) : calls_(calls) {}
  absl::StatusOr<PublicCounts> read(const std::map<std::int64_t, std::int64_t>&) override {
    return PublicCounts();
  }
  absl::StatusOr<std::vector<std::int64_t>> find_receipts(std::string_view) override {
    ++calls_;
    return absl::UnavailableError("away");
  }

 private:
  int& calls_;
};

class FakeClock : public Clock {
 public:
  SteadyTime now() const override { return time; }
  WallTime wall_now() const override { return {}; }
  bool pause(std::chrono::nanoseconds, std::stop_token) override { return true; }
  SteadyTime time{std::chrono::hours(1)};
};

TEST(ReceiptLookUp, AfterAFailureItDoesNotAskTheDatabaseForAWhile) {
  int calls = 0;
  FakeClock clock;
  ReceiptLookUp look_up(std::make_unique<FakeReader>(calls), clock);
  EXPECT_FALSE(look_up.find("x").ok());
  EXPECT_FALSE(look_up.find("x").ok());
  EXPECT_EQ(calls, 1);
  clock.time += ReceiptLookUp::kPause;
  EXPECT_FALSE(look_up.find("x").ok());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace pollbus::election_board
