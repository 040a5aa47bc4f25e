#include "election/voter_code.h"

#include <gtest/gtest.h>

#include <set>

#include "election/vote.h"

namespace pollbus {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

TEST(VoterCode, CodesAreReadAsTheyWereWritten) {
  for (const std::int64_t voter :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1023}, std::int64_t{1024},
        std::int64_t{10'000}, (std::int64_t{1} << 30) - 1, std::int64_t{1} << 30, kMaxId}) {
    for (const std::uint64_t secret :
         {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX, std::uint64_t{0x0123456789abcdef}}) {
      const VoterCode code{.voter = voter, .secret = secret};
      EXPECT_EQ(parse_voter_code(format_voter_code(code)), code) << voter << " " << secret;
    }
  }
}

TEST(VoterCode, CodesHaveWholeGroupsOfFourAndTheLengthFollowsFromTheVoterNumber) {
  EXPECT_EQ(format_voter_code({.voter = 7, .secret = 0}), "0700-0000-0000-000S");
  EXPECT_EQ(format_voter_code({.voter = 10'000, .secret = 0}).size(), 24);
  EXPECT_EQ(format_voter_code({.voter = kMaxId, .secret = UINT64_MAX}).size(), 34);
}

TEST(VoterCode, CaseBlanksDashesAndLookAlikeLettersAreForgiven) {
  const VoterCode code{.voter = 33, .secret = 0x0842108421084210};
  const std::string text = format_voter_code(code);
  std::string typed;
  for (const char c : text) {
    if (c == '-') continue;
    typed += c == '0' ? 'o' : c == '1' ? 'l' : c;
    typed += ' ';
  }
  EXPECT_EQ(parse_voter_code(typed), code);
  std::string other;
  for (const char c : text) other += c == '1' ? 'I' : c == '0' ? 'O' : c;
  EXPECT_EQ(parse_voter_code("\t" + other + "\r\n"), code);
}

TEST(VoterCode, EveryWrongCharacterIsFound) {
  const std::string text = format_voter_code({.voter = 4711, .secret = 0xfedcba9876543210});
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') continue;
    for (const char c : kDigits) {
      std::string wrong = text;
      wrong[i] = c;
      EXPECT_EQ(parse_voter_code(wrong).has_value(), wrong == text) << wrong;
    }
  }
}

TEST(VoterCode, EveryExchangeOfTwoCharactersIsFound) {
  const std::string text = format_voter_code({.voter = 4711, .secret = 0xfedcba9876543210});
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::size_t j = i + 1; j < text.size(); ++j) {
      if (text[i] == '-' || text[j] == '-' || text[i] == text[j]) continue;
      std::string wrong = text;
      std::swap(wrong[i], wrong[j]);
      EXPECT_FALSE(parse_voter_code(wrong)) << wrong;
    }
  }
}

TEST(VoterCode, TextsThatAreNoCodesAreRefused) {
  const std::string code = format_voter_code({.voter = 7, .secret = 5});
  for (const std::string& text :
       {std::string(), std::string("7"), code.substr(1), code + "0", "00" + code, "0000" + code,
        code + "U", std::string(10'000, '0'), std::string("Ä") + code, code + '\0'}) {
    EXPECT_FALSE(parse_voter_code(text)) << text;
  }
}

TEST(VoterCode, SecretsAreRandom) {
  std::set<std::uint64_t> secrets;
  for (int i = 0; i < 1'000; ++i) secrets.insert(random_voter_code(1).secret);
  EXPECT_EQ(secrets.size(), 1'000);
}

TEST(VoterCode, TheHashIsThatOfTheDocumentedText) {
  // printf 'pollbus code 12 43 0123456789abcdef' | sha256sum
  EXPECT_EQ(code_hash(12, {.voter = 43, .secret = 0x0123456789abcdef}), 0xc71f45fb9b764909);
  EXPECT_NE(code_hash(13, {.voter = 43, .secret = 1}), code_hash(12, {.voter = 43, .secret = 1}));
  EXPECT_NE(code_hash(12, {.voter = 44, .secret = 1}), code_hash(12, {.voter = 43, .secret = 1}));
}

}  // namespace
}  // namespace pollbus
