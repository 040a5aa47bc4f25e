#include "voting_logger/roll_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/election_test_events.h"

namespace pollbus::voting_logger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Sha256 kFirst = {1};
constexpr Sha256 kSecond = {2};
constexpr Sha256 kSalt = {3};

StagedRoll staged_roll() {
  return {.count = 5'000,
          .chunks = 2,
          .has_codes = false,
          .salt = kSalt,
          .chunk_hashes = {{0, kFirst}, {1, kSecond}}};
}

RollSummary summary() {
  return {.count = 5'000, .hash = wire::roll_hash(kSalt, {kFirst, kSecond}), .chunks = 2};
}

wire::RollChunk chunk_of(std::int64_t count, std::int64_t chunks, bool has_codes) {
  return {.election = 12,
          .roll = {},
          .chunk = 0,
          .chunks = chunks,
          .count = count,
          .has_codes = has_codes,
          .salt = {},
          .voters = {}};
}

TEST(RollCheckTest, TheFirstMissingChunksAreNamed) {
  EXPECT_THAT(missing_chunks(staged_roll(), 2), IsEmpty());
  EXPECT_THAT(missing_chunks(staged_roll(), 4), ElementsAre(2, 3));
  EXPECT_THAT(missing_chunks({}, 2), ElementsAre(0, 1));
  StagedRoll roll = staged_roll();
  roll.chunk_hashes.erase(0);
  EXPECT_THAT(missing_chunks(roll, 2), ElementsAre(0));
  EXPECT_THAT(missing_chunks({}, 1'000'000), SizeIs(wire::kMaxMissingChunks));
}

TEST(RollCheckTest, ARollIsTheOneThatTheOfficeSigned) {
  const Definition definition = test_definition("roll");
  EXPECT_EQ(problem_with_roll(definition, summary(), staged_roll()), std::nullopt);
  RollSummary other = summary();
  other.count = 5'001;
  EXPECT_THAT(problem_with_roll(definition, other, staged_roll()).value_or(""),
              HasSubstr("5001 voters in 2 chunks, and its chunks say 5000 in 2"));
  StagedRoll swapped = staged_roll();
  std::swap(swapped.chunk_hashes[0], swapped.chunk_hashes[1]);
  EXPECT_THAT(problem_with_roll(definition, summary(), swapped).value_or(""),
              HasSubstr("not those of this roll"));
  StagedRoll unsalted = staged_roll();
  unsalted.salt = {};
  EXPECT_THAT(problem_with_roll(definition, summary(), unsalted).value_or(""),
              HasSubstr("not those of this roll"));
  EXPECT_THAT(problem_with_roll(test_definition("codes"), summary(), staged_roll()).value_or(""),
              HasSubstr("the election has codes"));
}

TEST(RollCheckTest, ANewVoterNeedsARollAndACodeWhereTheElectionHasThem) {
  const auto problem = [](const char* eligibility, bool has_roll, bool has_code) {
    ElectionState state{.definition = test_definition(eligibility)};
    if (has_roll) state.roll = summary();
    RollEntry voter{.voter = 7, .code_hash = {}};
    if (has_code) voter.code_hash = 1;
    return problem_with_new_voter(state, voter).value_or("");
  };
  EXPECT_EQ(problem("roll", true, false), "");
  EXPECT_EQ(problem("codes", true, true), "");
  EXPECT_THAT(problem("open", false, false), HasSubstr("open to everyone"));
  EXPECT_THAT(problem("roll", false, false), HasSubstr("must be imported"));
  EXPECT_THAT(problem("codes", true, false), HasSubstr("needs a code"));
  EXPECT_THAT(problem("roll", true, true), HasSubstr("has no codes"));
}

TEST(RollCheckTest, AChunkMustFitTheElection) {
  const Definition roll = test_definition("roll");
  EXPECT_EQ(problem_with_chunk(roll, chunk_of(5, 1, false)), std::nullopt);
  EXPECT_EQ(problem_with_chunk(test_definition("codes"), chunk_of(5, 1, true)), std::nullopt);
  EXPECT_THAT(problem_with_chunk(roll, chunk_of(5, 1, true)).value_or(""),
              HasSubstr("the election has none"));
  EXPECT_THAT(problem_with_chunk(test_definition("open"), chunk_of(5, 1, false)).value_or(""),
              HasSubstr("open to everyone"));
  EXPECT_THAT(problem_with_chunk(roll, chunk_of(kMaxRollVoters + 1, 1, false)).value_or(""),
              HasSubstr("at most"));
  EXPECT_THAT(problem_with_chunk(roll, chunk_of(5, 6, false)).value_or(""),
              HasSubstr("more chunks than voters"));
}

}  // namespace
}  // namespace pollbus::voting_logger
