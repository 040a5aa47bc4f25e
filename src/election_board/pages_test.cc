#include "election_board/pages.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election_board/board_fixture.h"

namespace pollbus::election_board {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string page_of(FakeElection& election, const PageOptions& options = {.language = "en"}) {
  SnapshotBuilder builder(std::nullopt);
  const auto snapshot = builder.update(election.counts);
  return election_page(*snapshot, snapshot->elections.at(12), options, all_languages());
}

FakeElection closed(const std::string& json, const std::vector<std::int64_t>& votes) {
  FakeElection election(json);
  election.add(EventKind::kOpen);
  election.add(EventKind::kClose);
  election.set_votes(votes);
  return election;
}

TEST(BoardLanguages, EveryLanguageHasEveryText) {
  EXPECT_THAT(all_languages().problems(), testing::IsEmpty());
  EXPECT_EQ(all_languages().tags().size(), 5U);
}

TEST(ElectionPage, ZeroVotesAreNoVotesYetWithoutPercentages) {
  FakeElection election = closed(two_choices(), {0, 0});
  const std::string page = page_of(election);
  EXPECT_THAT(page, HasSubstr("No votes yet"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("50.0")));
  EXPECT_THAT(page, HasSubstr("data-key=\"choice-0-bar\" width=\"0\""));
}

TEST(ElectionPage, AnElectionThatIsSealedWithoutVotesSaysThatNoneWereCast) {
  FakeElection election = closed(two_choices(), {0, 0});
  Event seal{.kind = EventKind::kSeal};
  seal.marks = 0;
  election.add(std::move(seal));
  EXPECT_THAT(page_of(election),
              AllOf(HasSubstr("No votes were cast"), Not(HasSubstr("No votes yet"))));
}

TEST(ElectionPage, ATieOfManyChoicesIsCountedInsteadOfListed) {
  std::string choices;
  for (int i = 0; i < 6; ++i)
    choices +=
        fmt::format(R"({}{{"voting":{},"name":{{"en":"Choice {}"}}}})", i > 0 ? "," : "", i, i);
  FakeElection election = closed(definition_json(choices), {2, 2, 2, 2, 2, 2});
  EXPECT_THAT(page_of(election), HasSubstr("Tie for first place: 6 choices"));
}

TEST(ElectionPage, ATieIsCalledATie) {
  FakeElection election = closed(two_choices(), {4, 4});
  const std::string page = page_of(election);
  EXPECT_THAT(page, HasSubstr("Tie for first place"));
  EXPECT_THAT(page, HasSubstr("1 (tie)"));
  EXPECT_THAT(page, Not(HasSubstr("Most votes")));
}

TEST(ElectionPage, PercentagesSayWhatTheyAreOf) {
  FakeElection election = closed(two_choices(), {2, 1});
  const std::string page = page_of(election);
  EXPECT_THAT(page, HasSubstr("66.7\u00A0%"));
  EXPECT_THAT(page, HasSubstr("Shares are of the valid votes"));
}

TEST(ElectionPage, NothingButTurnoutIsOnThePageOfAnOpenElection) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  election.set_votes({1'000, 234});
  const std::string page = page_of(election);
  EXPECT_THAT(page, HasSubstr("1,234"));
  EXPECT_THAT(page, HasSubstr("The result is shown after the election has closed."));
  EXPECT_THAT(page, Not(HasSubstr("1,000")));
  EXPECT_THAT(page, Not(HasSubstr("choice-0")));
}

TEST(ElectionPage, AResultIsUnofficialUntilItIsCertified) {
  FakeElection election = closed(two_choices(), {2, 1});
  EXPECT_THAT(page_of(election), HasSubstr("Unofficial result"));
  EXPECT_THAT(page_of(election), HasSubstr("Closed, not final"));
  Event seal{.kind = EventKind::kSeal};
  seal.marks = 3;
  election.add(std::move(seal));
  Event certify{.kind = EventKind::kCertify};
  certify.marks = 3;
  certify.tally = {{0, 2}, {1, 1}};
  election.add(std::move(certify));
  const std::string page = page_of(election);
  EXPECT_THAT(page, HasSubstr("Certified result"));
  EXPECT_THAT(page, Not(HasSubstr("Unofficial")));
}

TEST(ElectionPage, ARehearsalSaysThatItsVotesDoNotCount) {
  FakeElection election = closed(two_choices(R"(,"test":true)"), {2, 1});
  EXPECT_THAT(page_of(election), HasSubstr("This is a rehearsal. Its votes do not count."));
}

TEST(ElectionPage, NamesCannotBreakOutOfThePage) {
  FakeElection election =
      closed(definition_json(R"({"voting":0,"name":{"en":"<script>alert(1)</script>"}},)"
                             R"({"voting":1,"name":{"en":"A\" & 'B'"}})"),
             {1, 0});
  const std::string page = page_of(election);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("A&quot; &amp; &#39;B&#39;"));
}

TEST(ElectionPage, ANameInAnotherLanguageCarriesItsLanguage) {
  FakeElection election = closed(
      definition_json(R"({"voting":0,"name":{"ar":"ليلى"}},{"voting":1,"name":{"en":"Ann"}})"),
      {1, 0});
  const std::string page = page_of(election, {.language = "fr"});
  EXPECT_THAT(page, HasSubstr("<bdi lang=\"ar\">ليلى</bdi>"));
  EXPECT_THAT(page, HasSubstr("<bdi lang=\"en\">Ann</bdi>"));
  EXPECT_THAT(page, HasSubstr("<bdi>Quartier 4</bdi>"));
}

TEST(ElectionPage, ChoicesStayInTheOrderOfTheBallotUnlessTheViewerAsks) {
  FakeElection election = closed(two_choices(), {1, 5});
  const auto is_ada_first = [](const std::string& page) {
    return page.find("Ada Lovelace</bdi><svg") < page.find("Alan Turing</bdi><svg");
  };
  EXPECT_TRUE(is_ada_first(page_of(election)));
  EXPECT_FALSE(is_ada_first(page_of(election, {.language = "en", .by_votes = true})));
}

TEST(ElectionPage, APageIsInTheDirectionAndTheThemeThatTheViewerWants) {
  FakeElection election = closed(two_choices(), {1, 5});
  EXPECT_THAT(
      page_of(election, {.language = "ar", .size = "xl", .theme = "high-dark"}),
      HasSubstr("<html lang=\"ar\" dir=\"rtl\" data-size=\"xl\" data-theme=\"high-dark\">"));
}

TEST(ElectionPage, ThousandMachinesAreFiftyRowsAndANote) {
  FakeElection election(two_choices());
  election.add(EventKind::kOpen);
  for (int machine = 0; machine < 1'000; ++machine) election.counts.by_machine[12][machine] = 1;
  const std::string page = page_of(election);
  EXPECT_THAT(page, HasSubstr("data-machine=\"49\""));
  EXPECT_THAT(page, Not(HasSubstr("data-machine=\"50\"")));
  EXPECT_THAT(page, HasSubstr("The downloads list 950 more machines."));
}

TEST(ElectionPage, TurnoutIsAShareOfTheRoll) {
  std::string json = two_choices();
  json.replace(json.find("\"open\""), 6, "\"roll\"");
  FakeElection election(json);
  Event roll{.kind = EventKind::kRoll};
  roll.roll = RollSummary{.count = 40, .hash = sha256("roll"), .chunks = 1};
  election.add(std::move(roll));
  election.add(EventKind::kOpen);
  election.set_votes({6, 4});
  EXPECT_THAT(page_of(election), HasSubstr("25.0\u00A0% of 40 voters on the roll"));
}

TEST(ElectionPage, AProblemWithTheHistoryIsSaidInItsOwnLanguage) {
  FakeElection election = closed(two_choices(), {4, 3});
  election.counts.events.pop_back();
  EXPECT_THAT(page_of(election, {.language = "fr"}),
              HasSubstr("<bdi lang=\"en\">2 events were read, and there must be 3</bdi>"));
  EXPECT_THAT(page_of(election), Not(HasSubstr("data-key=\"choice-0-votes\"")));
}

TEST(HistoryPage, ListsEveryEventWithItsHash) {
  FakeElection election = closed(two_choices(), {1, 1});
  SnapshotBuilder builder(election.office.public_key());
  const auto snapshot = builder.update(election.counts);
  const std::string page =
      history_page(*snapshot, snapshot->elections.at(12), {.language = "en"}, all_languages());
  for (const char* text : {"Defined", "Opened", "Closed", "signed every event"})
    EXPECT_THAT(page, HasSubstr(text));
  for (const PublicCounts::Stored& stored : election.counts.events)
    EXPECT_THAT(page, HasSubstr(to_hex(sha256(stored.event.data))));
}

TEST(TrackingPage, SaysWhetherACodeIsRecordedAndNothingAboutTheChoice) {
  FakeElection election = closed(two_choices(), {1, 1});
  SnapshotBuilder builder(std::nullopt);
  const auto snapshot = builder.update(election.counts);
  using Kind = TrackingAnswer::Kind;
  const auto page = [&](Kind kind, std::vector<std::int64_t> elections = {}) {
    return tracking_page(*snapshot, {kind, "<\"code\">", std::move(elections)}, {.language = "en"},
                         all_languages());
  };
  EXPECT_THAT(page(Kind::kFound, {12}), HasSubstr("Ward 4"));
  EXPECT_THAT(page(Kind::kFound, {12}), Not(HasSubstr("Ada")));
  EXPECT_THAT(page(Kind::kFound, {99}), HasSubstr("Election number 99"));
  EXPECT_THAT(page(Kind::kNotFound), HasSubstr("No vote with this code is recorded yet."));
  EXPECT_THAT(page(Kind::kNotACode), HasSubstr("This is not a tracking code."));
  EXPECT_THAT(page(Kind::kNotACode), HasSubstr("value=\"&lt;&quot;code&quot;&gt;\""));
}

TEST(ListPage, GroupsElectionsByEventAndSaysWhenThereIsNone) {
  EXPECT_THAT(list_page(Snapshot(), {.language = "en"}, all_languages()),
              HasSubstr("No election has been defined yet."));
  FakeElection election = closed(two_choices(), {1, 1});
  SnapshotBuilder builder(std::nullopt);
  const std::string page =
      list_page(*builder.update(election.counts), {.language = "en"}, all_languages());
  EXPECT_THAT(page, HasSubstr("City 2026"));
  EXPECT_THAT(page, HasSubstr("href=\"/elections/12?lang=en\""));
  EXPECT_THAT(page, Not(HasSubstr("TEST")));
}

TEST(ListPage, MarksARehearsal) {
  FakeElection election = closed(two_choices(R"(,"test":true)"), {1, 1});
  SnapshotBuilder builder(std::nullopt);
  EXPECT_THAT(list_page(*builder.update(election.counts), {.language = "en"}, all_languages()),
              HasSubstr("<p><strong>TEST</strong> This is a rehearsal."));
}

}  // namespace
}  // namespace pollbus::election_board
