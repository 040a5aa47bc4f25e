#include "integration/invariants.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "election/receipt.h"

namespace pollbus::testing {
namespace {

// What the stores contain, read once.
struct Stored {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> rows;  // by machine and choice
  std::map<std::int64_t, std::int64_t> machine_rows;
  std::int64_t row_count = 0;
  std::set<std::string> receipts;
  std::map<std::int64_t, std::string> marks;
};

Stored read(const ElectionSystem& system) {
  Stored stored{.receipts = system.receipts(), .marks = system.marks()};
  for (const auto& row : system.rows()) {
    stored.rows[{row.machine, row.choice}] = row.count;
    stored.machine_rows[row.machine] += row.count;
    stored.row_count += row.count;
  }
  return stored;
}

bool is_marked(const ElectionSystem& system, const Stored& stored, const SubmittedVote& vote) {
  const auto mark = stored.marks.find(vote.voter);
  if (mark == stored.marks.end()) return false;
  const KeyedHash own = fingerprint(system.logger_key(), vote);
  return mark->second == std::string(own.begin(), own.end());
}

bool is_stored(const Stored& stored, const SubmittedVote& vote) {
  return stored.receipts.contains(to_hex(receipt(vote.election, vote.uuid)));
}

void expect_one_answer(const Account& account) {
  ASSERT_TRUE(account.is_answered()) << "I6: no answer for " << account.vote.uuid;
  for (const Outcome answer : account.answers) {
    EXPECT_EQ(answer, account.answers.front()) << "I6: " << account.vote.uuid << " contradicts";
  }
}

void expect_answer_is_true(const ElectionSystem& system, const Stored& stored,
                           const Account& account) {
  const SubmittedVote& vote = account.vote;
  if (account.is_accepted()) {
    EXPECT_TRUE(is_marked(system, stored, vote)) << "I3: another vote has the mark: " << vote.uuid;
    EXPECT_TRUE(is_stored(stored, vote)) << "I1: no receipt for " << vote.uuid;
  } else {
    EXPECT_EQ(account.answers.front(), Outcome::kAlreadyVoted) << vote.uuid;
    EXPECT_TRUE(stored.marks.contains(vote.voter))
        << "I4: the voter had not voted before " << vote.uuid;
    EXPECT_FALSE(is_marked(system, stored, vote)) << "I4: this vote was accepted: " << vote.uuid;
    EXPECT_FALSE(is_stored(stored, vote)) << "I4: stored nevertheless: " << vote.uuid;
  }
}

// Returns how many were accepted.
std::int64_t expect_accounts(const ElectionSystem& system, const Stored& stored,
                             const Accounts& accounts) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> tally;
  std::set<std::int64_t> voters;
  std::int64_t accepted = 0;
  for (const auto& [uuid, account] : accounts) {
    expect_one_answer(account);
    if (!account.is_answered()) continue;
    expect_answer_is_true(system, stored, account);
    auto& count = tally[{account.vote.machine, account.vote.choice}];
    if (!account.is_accepted()) continue;
    ++count;
    ++accepted;
    EXPECT_TRUE(voters.insert(account.vote.voter).second) << "I3: a voter voted twice: " << uuid;
  }
  for (const auto& [content, count] : tally) {
    const auto found = stored.rows.find(content);
    EXPECT_EQ(found == stored.rows.end() ? 0 : found->second, count)
        << "I2, I7: machine " << content.first;
  }
  return accepted;
}

std::int64_t expect_summary(const Stored& stored, const MachineSummary& summary) {
  EXPECT_EQ(summary.pending, 0) << "I6: machine " << summary.machine;
  EXPECT_EQ(summary.rejected, 0) << "machine " << summary.machine;
  EXPECT_EQ(summary.successful + summary.already_voted + summary.rejected + summary.pending,
            summary.sent + summary.recovered)
      << "machine " << summary.machine;
  const auto rows = stored.machine_rows.find(summary.machine);
  EXPECT_EQ(rows == stored.machine_rows.end() ? 0 : rows->second, summary.successful)
      << "I1, I7: machine " << summary.machine;
  return summary.successful;
}

}  // namespace

void expect_invariants(const ElectionSystem& system, const Accounts& accounts,
                       const std::vector<MachineSummary>& summaries) {
  const Stored stored = read(system);
  std::set<std::int64_t> told;
  for (const auto& [uuid, account] : accounts) told.insert(account.vote.machine);
  std::int64_t accepted = expect_accounts(system, stored, accounts);
  for (const MachineSummary& summary : summaries) {
    const std::int64_t successful = expect_summary(stored, summary);
    if (told.insert(summary.machine).second) accepted += successful;
  }
  EXPECT_EQ(stored.row_count, accepted) << "I2, I7: rows and accepted votes differ";
  EXPECT_EQ(std::ssize(stored.receipts), stored.row_count) << "I3: receipts and rows differ";
  EXPECT_EQ(std::ssize(stored.marks), stored.row_count) << "I5: marks and rows differ";
}

Accounts merged(const std::vector<Accounts>& parts) {
  Accounts all;
  for (const Accounts& part : parts) {
    for (const auto& [uuid, account] : part) {
      auto& entry = all.try_emplace(uuid, Account{.vote = account.vote}).first->second;
      entry.answers.insert(entry.answers.end(), account.answers.begin(), account.answers.end());
    }
  }
  return all;
}

}  // namespace pollbus::testing
