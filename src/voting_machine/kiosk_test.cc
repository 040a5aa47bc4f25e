#include "voting_machine/kiosk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "election/office_messages.h"
#include "support/temporary_folder.h"
#include "voting_machine/kiosk_server.h"
#include "voting_machine/vote_client_test_fixture.h"

namespace pollbus::voting_machine {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const char* const kEvent = "City 2026";

Definition contest(std::int64_t election, const std::string& title, const char* closes = nullptr) {
  json text{
      {"election_ID", election},
      {"event", kEvent},
      {"title", {{"en", title}, {"fr", title + " (fr)"}}},
      {"choices",
       {{{"voting", 0}, {"name", {{"en", "Ada"}}}}, {{"voting", 4}, {"name", {{"en", "Alan"}}}}}},
      {"eligibility", "open"},
      {"time_zone", "UTC"},
      {"results", "after close"}};
  if (closes != nullptr) text["closes"] = closes;
  auto parsed = parse_definition(text.dump());
  return std::get<Definition>(std::move(parsed));
}

// A machine with two open elections, and a page that shows what the kiosk says.
class KioskTest : public VoteClientFixture {
 protected:
  void SetUp() override {
    define(contest(12, "Mayor"));
    define(contest(13, "Council"));
    happen(12, EventKind::kOpen);
    happen(13, EventKind::kOpen);
    open();
  }

  // Starts the machine, or starts it again as a new process.
  void open() {
    kiosk.reset();
    guide = std::make_unique<ElectionGuide>(
        ElectionGuide::Parts{.topic = topic, .clock = clock, .office = office.public_key()},
        wire::DescribeRequest{.election = {}, .event = kEvent, .machine = 3, .uuid = {}});
    start();
    kiosk = std::make_unique<Kiosk>(Kiosk::Parts{.client = *client,
                                                 .guide = *guide,
                                                 .languages = languages,
                                                 .clock = clock,
                                                 .event = kEvent,
                                                 .machine = 3,
                                                 .record_file = folder.path() / "last-ballot"});
    client->add_observer(*kiosk);
    kiosk->restore();
    describe();
    look();
  }

  void define(const Definition& definition) {
    append(definition.election, {.kind = EventKind::kDefine, .definition = definition});
  }
  void happen(std::int64_t election, EventKind kind) { append(election, {.kind = kind}); }
  void append(std::int64_t election, Event event) {
    auto& history = histories[election];
    event.election = election;
    event.sequence = static_cast<std::int64_t>(history.size()) + 1;
    if (!history.empty()) event.previous = sha256(history.back().data);
    event.time_ms = 1'709'908'000'000;
    const std::string data = encode(event);
    history.push_back({data, office.sign(data)});
  }
  // A recorder answers the machine's question.
  void describe() {
    ASSERT_TRUE(guide->ask().ok());
    const auto asked = wire::parse_describe(topic.published().back().data);
    ASSERT_TRUE(asked.ok()) << asked.status();
    wire::DescribeAnswer answer{
        .uuid = asked->uuid, .elections = {}, .now_utc_ms = 1'709'908'090'964};
    for (const auto& [election, events] : histories)
      answer.elections.push_back({.election = election, .events = events});
    ASSERT_TRUE(guide->take(testing::received(wire::describe_answer_message(3, answer))));
  }

  void look() { page = json::parse(kiosk->state()); }
  void act(const std::string& action, json fields = json::object()) {
    fields["session"] = page["session"];
    fields["revision"] = page["revision"];
    fields["action"] = action;
    page = json::parse(kiosk->act(fields));
  }
  void go_to_review() {
    act("start", {{"language", "fr"}});
    act("identify", {{"text", "43"}});
    act("next", {{"contest", 0}, {"choice", 4}});
    act("next", {{"contest", 1}, {"choice", nullptr}});
    ASSERT_EQ(page["stage"], "review") << page;
  }
  void cast_ballot() {
    go_to_review();
    act("cast");
    ASSERT_EQ(page["stage"], "answer") << page;
  }
  // The votes that the bus gets.
  std::vector<SubmittedVote> published() {
    client->deliver(stop.get_token());
    std::vector<SubmittedVote> votes;
    for (const Message& message : topic.published()) {
      auto parsed = wire::parse_submitted(message.data);
      if (auto* vote = std::get_if<SubmittedVote>(&parsed)) votes.push_back(*vote);
    }
    return votes;
  }
  void time_out() {
    clock.advance(kAnswerTimeout);
    ASSERT_TRUE(client->tend().ok());
    look();
  }

  OfficePrivateKey office = OfficePrivateKey::generate();
  std::map<std::int64_t, std::vector<SignedEvent>> histories;
  testing::TemporaryFolder folder;
  const web::Languages languages = kiosk_texts();
  std::unique_ptr<ElectionGuide> guide;
  std::unique_ptr<Kiosk> kiosk;
  json page;
};

TEST_F(KioskTest, TheCataloguesAreComplete) { EXPECT_THAT(languages.problems(), IsEmpty()); }

TEST_F(KioskTest, AVoterGoesFromTheLanguageToTheAnswerWithATrackingCode) {
  EXPECT_EQ(page["stage"], "start");
  cast_ballot();
  EXPECT_EQ(page["lines"][0]["state"], "sending");
  EXPECT_EQ(page["lines"][0]["title"]["text"], "Mayor (fr)");
  const auto votes = published();
  ASSERT_THAT(votes, SizeIs(1));
  answer(votes[0].uuid);
  look();
  EXPECT_EQ(page["lines"][0]["state"], "recorded");
  EXPECT_THAT(page["lines"][0]["tracking"].get<std::string>(), SizeIs(19));
  EXPECT_TRUE(page["lines"][1]["is_blank"]);
}

TEST_F(KioskTest, PressingCastTwiceOrInAnotherTabIsOneVote) {
  go_to_review();
  const json review = page;
  act("cast");
  page = review;  // another tab that still shows the review
  act("cast");
  EXPECT_EQ(page["stage"], "answer");
  EXPECT_THAT(published(), SizeIs(1));
}

TEST_F(KioskTest, AReviewThatAnotherTabHasChangedIsNotCast) {
  go_to_review();
  const json review = page;
  act("change", {{"contest", 0}});
  act("next", {{"contest", 0}, {"choice", 0}});
  const json current = page;
  page = review;
  act("cast");
  EXPECT_EQ(page, current);
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(KioskTest, APageOfAnotherSessionCanDoNothing) {
  go_to_review();
  const json review = page;
  act("end");
  page = review;
  act("cast");
  EXPECT_EQ(page["stage"], "start");
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(KioskTest, WithoutAnAnswerTheVoteIsKeptAndALateAnswerIsShown) {
  cast_ballot();
  const auto votes = published();
  time_out();
  EXPECT_EQ(page["lines"][0]["state"], "kept");
  answer(votes[0].uuid);
  look();
  EXPECT_EQ(page["lines"][0]["state"], "recorded");
}

TEST_F(KioskTest, ARejectionSaysWhy) {
  cast_ballot();
  Message rejection = result_for(published()[0].uuid, Outcome::kRejected);
  rejection.data = wire::encode(Result{.outcome = Outcome::kRejected,
                                       .uuid = published()[0].uuid,
                                       .reason = std::string(kReasonClosed)});
  receive(rejection);
  look();
  EXPECT_EQ(page["lines"][0]["state"], "rejected");
  EXPECT_EQ(page["lines"][0]["reason"], "the election is closed");
  EXPECT_FALSE(page["lines"][0].contains("tracking"));
}

TEST_F(KioskTest, ThirtySecondsAfterTheAnswerTheNextVoterFindsAFreshPage) {
  act("start", {{"language", "ar"}, {"size", "xl"}, {"theme", "high-dark"}});
  EXPECT_EQ(page["display"]["direction"], "rtl");
  act("end");
  cast_ballot();
  answer(published()[0].uuid);
  look();
  EXPECT_EQ(page["ends_in_ms"], 30'000);
  clock.advance(std::chrono::seconds(36));
  kiosk->tick();
  look();
  EXPECT_EQ(page["stage"], "start");
  EXPECT_EQ(page["display"]["language"], "en");
  EXPECT_EQ(page["display"]["size"], "m");
  EXPECT_EQ(page["display"]["theme"], "light");
}

TEST_F(KioskTest, AVoterWhoStaysLongerCanReadOn) {
  cast_ballot();
  answer(published()[0].uuid);
  look();
  for (int i = 0; i < 10; ++i) {
    clock.advance(std::chrono::seconds(29));
    act("stay");
    ASSERT_EQ(page["stage"], "answer");
    ASSERT_EQ(page["ends_in_ms"], 30'000);
  }
}

TEST_F(KioskTest, ASessionWithoutASignOfItsVoterEndsAndCastsNothing) {
  go_to_review();
  for (int i = 0; i < 12; ++i) {
    clock.advance(kIdleTime);
    act("alive");
    ASSERT_EQ(page["stage"], "review");
  }
  clock.advance(kSessionTimeout);
  kiosk->tick();
  look();
  EXPECT_EQ(page["stage"], "start");
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(KioskTest, AMachineThatDiesAfterTheCastStillKnowsTheVote) {
  cast_ballot();
  const std::string tracking = page["lines"][0]["tracking"];
  const json before = page;
  open();
  EXPECT_EQ(page["session"], before["session"]);
  EXPECT_GT(page["revision"], before["revision"]);
  EXPECT_EQ(page["display"]["language"], "fr");
  EXPECT_EQ(page["lines"][0]["state"], "kept");
  EXPECT_EQ(page["lines"][0]["tracking"], tracking);
  const auto votes = published();
  ASSERT_THAT(votes, SizeIs(1));
  answer(votes[0].uuid);
  look();
  EXPECT_EQ(page["lines"][0]["state"], "recorded");
}

TEST_F(KioskTest, AMachineThatDiesAfterTheAnswerStillKnowsIt) {
  cast_ballot();
  answer(published()[0].uuid);
  ASSERT_TRUE(client->tend().ok());  // the vote leaves the journal
  open();
  EXPECT_EQ(page["stage"], "answer");
  EXPECT_EQ(page["lines"][0]["state"], "recorded");
}

TEST_F(KioskTest, ADiskThatFailsWhileTheVoteIsWrittenIsReportedAsAFault) {
  go_to_review();
  const json review = page;
  disk.on_step = [] { return absl::UnavailableError("the power fails"); };
  act("cast");
  disk.on_step = [] { return absl::OkStatus(); };
  open();
  EXPECT_EQ(page["lines"][0]["state"], "unknown");
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(KioskTest, AMachineThatDiesBeforeTheVoteIsInTheJournalSaysThatItWasNotCast) {
  cast_ballot();
  const CastRecordFile record((folder.path() / "last-ballot").string());
  const auto left = record.load();
  ASSERT_TRUE(left.ok()) << left.status();
  disk = FakeDisk();  // the journal never got the vote
  open();
  EXPECT_EQ(page["session"], left->session);
  EXPECT_EQ(page["lines"][0]["state"], "not cast");
  EXPECT_FALSE(page["lines"][0].contains("tracking"));
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(KioskTest, AMachineThatDiesDuringTheReviewStartsAgainWithoutAVote) {
  go_to_review();
  open();
  EXPECT_EQ(page["stage"], "start");
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(KioskTest, OnlyOpenContestsAreVotedOn) {
  happen(12, EventKind::kClose);
  describe();
  act("start");
  act("identify", {{"text", "43"}});
  EXPECT_EQ(page["contests"], 1);
  EXPECT_EQ(page["contest"]["title"]["text"], "Council");
}

TEST_F(KioskTest, WhileVotingIsPausedNothingIsCastAndNothingIsLost) {
  go_to_review();
  happen(12, EventKind::kPause);
  describe();
  act("cast");
  EXPECT_EQ(page["stage"], "review");
  EXPECT_EQ(page["lines"][0]["phase"], "paused");
  EXPECT_THAT(published(), IsEmpty());
  happen(12, EventKind::kResume);
  describe();
  look();
  act("cast");
  EXPECT_THAT(published(), SizeIs(1));
}

TEST_F(KioskTest, AClosingTimeThatPassesDuringTheReviewIsSaidByTheRecordersClock) {
  // 49 seconds after the time of the recorder's answer.
  define(contest(11, "Harbour", "2024-03-08T14:29"));
  happen(11, EventKind::kOpen);
  describe();
  act("start");
  act("identify", {{"text", "43"}});
  for (int i = 0; i < 3; ++i) act("next", {{"contest", i}, {"choice", 4}});
  ASSERT_EQ(page["stage"], "review") << page;
  EXPECT_EQ(page["lines"][0]["title"]["text"], "Harbour");
  EXPECT_EQ(page["lines"][0]["phase"], "open");
  clock.advance(std::chrono::seconds(50));
  look();
  EXPECT_EQ(page["stage"], "review");
  EXPECT_EQ(page["lines"][0]["phase"], "closed");
  act("cast");  // the logger decides
  EXPECT_THAT(published(), SizeIs(3));
}

TEST_F(KioskTest, AHistoryThatTheOfficeDidNotSignChangesNothing) {
  histories[12][1].signature = std::string(128, '0');
  open();
  ASSERT_THAT(page["elections"], SizeIs(1));
  EXPECT_EQ(page["elections"][0]["title"]["text"], "Council");
}

TEST_F(KioskTest, AnOlderHistoryDoesNotReplaceANewerOne) {
  happen(12, EventKind::kClose);
  describe();
  histories[12].pop_back();
  describe();
  look();
  EXPECT_EQ(page["elections"][0]["phase"], "closed");
}

TEST_F(KioskTest, NeitherVoterNorChoiceIsInTheRecordOnDisk) {
  cast_ballot();
  std::ifstream file(folder.path() / "last-ballot");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(text, HasSubstr("tracking"));
  EXPECT_THAT(text, Not(HasSubstr("Alan")));
  EXPECT_THAT(text, Not(HasSubstr("43,")));
  EXPECT_THAT(text, Not(HasSubstr("uuid")));
}

TEST_F(KioskTest, AfterTheSessionOnlyItsRandomNumberIsLeftOnDisk) {
  cast_ballot();
  const std::string session = page["session"];
  for (const SubmittedVote& vote : published()) answer(vote.uuid);
  look();
  act("end");
  const auto left = CastRecordFile((folder.path() / "last-ballot").string()).load();
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_THAT(left->lines, IsEmpty());
  EXPECT_THAT(left->past, ElementsAre(session));
}

TEST_F(KioskTest, APageWhoseCastWasCutOffLearnsWhetherAnythingWasCast) {
  cast_ballot();
  const std::string cast = page["session"];
  for (const SubmittedVote& vote : published()) answer(vote.uuid);
  look();
  act("end");
  go_to_review();
  const std::string not_cast = page["session"];
  open();
  EXPECT_EQ(page["stage"], "start");
  EXPECT_EQ(page["cast_sessions"], json({cast})) << not_cast;
}

TEST_F(KioskTest, WithADamagedRecordNobodyIsToldThatNothingWasCast) {
  std::ofstream(folder.path() / "last-ballot") << "{";
  open();
  EXPECT_TRUE(page["cast_sessions"].is_null());
}

TEST_F(KioskTest, NonsenseFromAPageChangesNothing) {
  go_to_review();
  const json before = page;
  for (const json& fields :
       {json{{"contest", -1}}, json{{"contest", 1e300}}, json{{"contest", "x"}},
        json{{"contest", 99}}, json{{"language", 7}}, json{{"size", "huge"}}}) {
    for (const char* action : {"change", "start", "identify", "stay", "", "nothing"}) {
      act(action, fields);
      EXPECT_EQ(page, before) << action << fields;
    }
  }
}

}  // namespace
}  // namespace pollbus::voting_machine
