#include "voting_machine/code_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "support/temporary_folder.h"

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;

class CodeListTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<VoterCode>> read(const std::string& text) const {
    const auto file = folder_ / "list.csv";
    std::ofstream(file) << text;
    return read_codes(file);
  }

  static std::string code_of(std::int64_t voter) {
    return format_voter_code(random_voter_code(voter));
  }

 private:
  const testing::TemporaryFolder folder_;
};

TEST_F(CodeListTest, TheCodesAreInTheColumnOfThatName) {
  const auto codes = read("voter_ID,name,code\r\n7,\"Lovelace, Ada\"," + code_of(7) +
                          "\r\n8,Alan," + code_of(8) + "\r\n");
  ASSERT_TRUE(codes.ok()) << codes.status();
  ASSERT_EQ(codes->size(), 2);
  EXPECT_EQ((*codes)[1].voter, 8);
}

TEST_F(CodeListTest, AFileWithoutCodesIsRefusedWithTheLine) {
  EXPECT_THAT(read("voter_ID\n7\n").status().message(), HasSubstr("line 1: there is no column"));
  EXPECT_THAT(read("code\n" + code_of(7) + "\n0001\n").status().message(), HasSubstr("line 3"));
  EXPECT_THAT(read("voter_ID,code\n7\n").status().message(), HasSubstr("line 2"));
  EXPECT_THAT(read("code\n").status().message(), HasSubstr("has no codes"));
}

TEST_F(CodeListTest, EachVoterVotesOnceWithTheirCodeBeforeAnyVotesAgain) {
  std::vector<VoterCode> codes;
  for (std::int64_t voter = 0; voter < 50; ++voter) codes.push_back(random_voter_code(voter));
  CodeVoter voter(codes, 7, 3);
  std::set<std::int64_t> voted;
  std::set<std::int64_t> chosen;
  for (int i = 0; i < 50; ++i) {
    const SubmittedVote vote = voter(12, 1, 0);
    EXPECT_EQ(parse_voter_code(vote.code.value_or(""))->voter, vote.voter);
    voted.insert(vote.voter);
    chosen.insert(vote.choice);
  }
  EXPECT_EQ(voted.size(), 50);
  EXPECT_EQ(chosen, (std::set<std::int64_t>{0, 1, 2}));
  EXPECT_TRUE(voted.contains(voter(12, 1, 0).voter));
}

}  // namespace
}  // namespace pollbus::voting_machine
