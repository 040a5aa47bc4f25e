#include "election/results.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "election/results_fixture.h"
#include "election/vote.h"

namespace pollbus {
namespace {

std::vector<int> places(const Results& results) {
  std::vector<int> all;
  for (const ChoiceResult& choice : results.tally->choices) all.push_back(choice.place);
  return all;
}

std::vector<int> shares(const Results& results) {
  std::vector<int> all;
  for (const ChoiceResult& choice : results.tally->choices) all.push_back(choice.tenths_of_percent);
  return all;
}

TEST(Results, ZeroVotesHaveNoPlacesNoTieAndNoPercentages) {
  const Results results = results_of({0, 0});
  EXPECT_EQ(places(results), (std::vector<int>{0, 0}));
  EXPECT_EQ(shares(results), (std::vector<int>{0, 0}));
  EXPECT_FALSE(results.tally->choices[0].is_tied);
  EXPECT_TRUE(results.tally->leading.empty());
  EXPECT_EQ(headline(results, "en"), "No votes");
}

TEST(Results, OneVoteIsOneVote) {
  const Results results = results_of({0, 1});
  EXPECT_EQ(places(results), (std::vector<int>{2, 1}));
  EXPECT_EQ(shares(results), (std::vector<int>{0, 1000}));
  EXPECT_EQ(headline(results, "en"), "Most votes: B (1 of 1 valid votes)");
}

TEST(Results, ATieForFirstPlaceIsCalledATieAndNobodyIsAhead) {
  const Results results = results_of({5, 2, 5});
  EXPECT_EQ(places(results), (std::vector<int>{1, 3, 1}));
  EXPECT_TRUE(results.tally->choices[0].is_tied);
  EXPECT_FALSE(results.tally->choices[1].is_tied);
  EXPECT_EQ(results.tally->leading, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(headline(results, "en"), "Tie for first place: A, C (5 votes each)");
}

TEST(Results, ATieForALowerPlaceIsATieToo) {
  const Results results = results_of({9, 4, 4, 1});
  EXPECT_EQ(places(results), (std::vector<int>{1, 2, 2, 4}));
  EXPECT_TRUE(results.tally->choices[2].is_tied);
  EXPECT_EQ(results.tally->leading, (std::vector<std::size_t>{0}));
}

TEST(Results, ATieOfAllChoicesWithOneVoteEachIsNotNoVotes) {
  EXPECT_EQ(headline(results_of({1, 1}), "en"), "Tie for first place: A, B (1 vote each)");
}

TEST(Results, PercentagesAddUpToAHundredForAnyCounts) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::int64_t> counts(1 + random() % 40);
    for (std::int64_t& count : counts)
      count = static_cast<std::int64_t>(random() % (round % 2 == 0 ? 4 : 1'000'000));
    const std::vector<int> all = largest_remainder_tenths(counts);
    const bool is_empty = std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) == 0;
    ASSERT_EQ(std::accumulate(all.begin(), all.end(), 0), is_empty ? 0 : 1'000);
  }
}

TEST(Results, TheLargestRemainderGetsTheMissingTenth) {
  // 66.666 % and 33.333 %.
  EXPECT_EQ(largest_remainder_tenths({2, 1}), (std::vector<int>{667, 333}));
  EXPECT_EQ(largest_remainder_tenths({1, 1, 1}), (std::vector<int>{334, 333, 333}));
  EXPECT_EQ(largest_remainder_tenths({1, 1'999}), (std::vector<int>{0, 1'000}));
}

TEST(Results, PercentagesOfTheLargestCountsDoNotOverflow) {
  EXPECT_EQ(largest_remainder_tenths({kMaxId / 2, kMaxId / 2}), (std::vector<int>{500, 500}));
}

TEST(Results, AMajorityIsDecidedOnVotesAndNotOnRoundedPercentages) {
  EXPECT_FALSE(results_of({50, 50}).tally->has_majority);
  EXPECT_TRUE(results_of({1'000'001, 1'000'000}).tally->has_majority);    // shown as 50.0 %
  EXPECT_FALSE(results_of({999'999, 1'000'000, 1}).tally->has_majority);  // shown as 50.0 %
}

TEST(Results, VotesForANumberThatIsNoChoiceAreCountedAsRejected) {
  ResultsInput input = with_votes(closed_election({"A", "B"}), {3, 1});
  (*input.votes_by_choice)[99] = 7;
  const Results results = make_results(input);
  EXPECT_EQ(results.tally->valid, 4);
  EXPECT_EQ(results.tally->rejected, 7);
  EXPECT_EQ(results.tally->blank, 0);
  EXPECT_EQ(shares(results), (std::vector<int>{750, 250}));
}

TEST(Results, ChoicesWithTheSameNameAreToldApartByTheirNumbers) {
  const Results results = make_results(with_votes(closed_election({"Kim", "Kim"}), {2, 1}));
  EXPECT_EQ(results.tally->choices[0].votes, 2);
  EXPECT_EQ(results.tally->choices[1].votes, 1);
}

TEST(Results, ChoicesKeepTheOrderOfTheDefinitionUntilTheyAreSorted) {
  const Results results = results_of({1, 9, 5, 9});
  EXPECT_EQ(results.tally->choices[0].voting, 0);
  EXPECT_EQ(by_votes(*results.tally), (std::vector<std::size_t>{1, 3, 2, 0}));
}

TEST(Results, NothingButTurnoutIsThereBeforeTheCloseUnlessTheDefinitionSaysLive) {
  ResultsInput input = with_votes(closed_election({"A", "B"}), {3, 1});
  for (const Phase phase : {Phase::kDefined, Phase::kOpen, Phase::kPaused}) {
    input.phase = phase;
    input.definition.results = ResultsVisibility::kAfterClose;
    const Results hidden = make_results(input);
    EXPECT_FALSE(hidden.tally);
    EXPECT_EQ(hidden.turnout.voted, 4);
    EXPECT_EQ(headline(hidden, "en"), "The result is shown after the election has closed");
    input.definition.results = ResultsVisibility::kLive;
    EXPECT_EQ(make_results(input).tally.has_value(), phase != Phase::kDefined);
  }
}

TEST(Results, TurnoutIsMarksOverRoll) {
  ResultsInput input = with_votes(closed_election({"A"}), {40});
  input.marks = 41;  // one vote is still on its way to the recorder
  input.roll = 120;
  const Turnout turnout = make_results(input).turnout;
  EXPECT_EQ(turnout.voted, 41);
  EXPECT_EQ(turnout.tenths_of_percent, 342);
}

TEST(Results, WithoutARollTurnoutIsANumberAndNoPercentage) {
  ResultsInput input = with_votes(closed_election({"A"}), {40});
  EXPECT_FALSE(make_results(input).turnout.tenths_of_percent);
  input.roll = 0;
  EXPECT_FALSE(make_results(input).turnout.tenths_of_percent);
}

TEST(Results, AResultIsUnofficialUntilItIsCertified) {
  Results results = results_of({1, 2});
  EXPECT_EQ(markings(results), (std::vector<std::string_view>{"UNOFFICIAL"}));
  results.phase = Phase::kSealed;
  EXPECT_EQ(markings(results), (std::vector<std::string_view>{"UNOFFICIAL"}));
  results.phase = Phase::kCertified;
  EXPECT_TRUE(markings(results).empty());
}

TEST(Results, ACertifiedRehearsalIsStillATest) {
  Results results = results_of({1, 2});
  results.definition.is_test = true;
  EXPECT_EQ(markings(results), (std::vector<std::string_view>{"TEST", "UNOFFICIAL"}));
  results.phase = Phase::kCertified;
  EXPECT_EQ(markings(results), (std::vector<std::string_view>{"TEST"}));
}

TEST(Results, NumbersAreGroupedByThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1'000), "1,000");
  EXPECT_EQ(format_count(1'234'567), "1,234,567");
  EXPECT_EQ(format_tenths(5), "0.5 %");
}

}  // namespace
}  // namespace pollbus
