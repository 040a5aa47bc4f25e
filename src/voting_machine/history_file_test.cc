#include "voting_machine/history_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "election/pseudonym.h"
#include "election/wire.h"
#include "support/temporary_folder.h"

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kUuid[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

class HistoryFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<History> open() { return std::move(open_history_file(path, key, 12, 3)).value(); }
  std::string text() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<nlohmann::json> lines() const {
    std::ifstream file(path);
    std::vector<nlohmann::json> found;
    for (std::string line; std::getline(file, line);) found.push_back(nlohmann::json::parse(line));
    return found;
  }

  testing::TemporaryFolder folder;
  std::string path = (folder / "machine.history").string();
  HashKey key = *HashKey::parse(std::string(64, '7'));
  SubmittedVote vote{.election = 12,
                     .machine = 3,
                     .voter = 4'711'815,
                     .choice = 4,
                     .uuid = kUuid,
                     .timestamp_ms = 1};
};

TEST_F(HistoryFileTest, EachEventIsALineAndLivesFollowEachOther) {
  {
    const auto history = open();
    history->cast(std::vector{vote, vote});
    history->republished(wire::encode(vote));
  }
  {
    const auto history = open();
    history->recovered(vote);
    history->answered({.outcome = Outcome::kAlreadyVoted, .uuid = kUuid, .reason = {}}, true);
  }
  const auto all = lines();
  ASSERT_THAT(all, SizeIs(7));
  const std::vector<std::string> events{"start", "cast",      "cast",    "republished",
                                        "start", "recovered", "answered"};
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i]["event"], events[i]);
    EXPECT_EQ(all[i]["machine"], 3);
    EXPECT_GE(all[i]["t_us"].get<std::int64_t>(),
              i == 0 ? 1 : all[i - 1]["t_us"].get<std::int64_t>());
  }
  EXPECT_EQ(all[5]["uuid"], kUuid);
  EXPECT_EQ(all[5]["choice"], 4);
  EXPECT_EQ(all[5]["voter"], to_hex(pseudonym(key, 12, vote.voter)));
  EXPECT_EQ(all[6]["result"], "Already Voted!!!");
  EXPECT_EQ(all[6]["ends"], true);
}

TEST_F(HistoryFileTest, NoVoterStandsInIt) {
  open()->cast(std::vector{vote});
  EXPECT_THAT(text(), Not(HasSubstr("4711815")));
}

TEST_F(HistoryFileTest, AFileThatCannotBeOpenedIsAnError) {
  path = "/nowhere/history";
  EXPECT_EQ(open_history_file(path, key, 12, 3).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace pollbus::voting_machine
