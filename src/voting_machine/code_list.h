#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <vector>

#include "absl/status/statusor.h"
#include "election/vote.h"
#include "election/voter_code.h"

namespace pollbus::voting_machine {

// The codes of a mailing list that `election-office roll codes` has written. INVALID_ARGUMENT, with
// the line, if the file has no column "code" or a text there is no code; errors of base/files.h.
absl::StatusOr<std::vector<VoterCode>> read_codes(const std::filesystem::path& file);

// Makes votes for a rehearsal: each voter of a list once, in random order, for choices from 0 to
// `choices` - 1; after the last voter, it begins again with the first. The same seed gives the same
// votes, but other UUIDs. The list must not be empty. Not thread-safe.
class CodeVoter {
 public:
  CodeVoter(std::vector<VoterCode> codes, std::uint64_t seed, std::int64_t choices);

  SubmittedVote operator()(std::int64_t election, std::int64_t machine, std::int64_t timestamp_ms);

 private:
  std::mt19937_64 random_;
  std::vector<VoterCode> codes_;
  std::uniform_int_distribution<std::int64_t> choice_;
  std::size_t next_ = 0;
};

}  // namespace pollbus::voting_machine
