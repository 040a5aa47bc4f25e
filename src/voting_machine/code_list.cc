#include "voting_machine/code_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/status.h"
#include "election/csv_reader.h"
#include "election/uuid.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;
constexpr char kColumn[] = "code";

}  // namespace

absl::StatusOr<std::vector<VoterCode>> read_codes(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const std::string text, read_whole_file(file, kMaxFileBytes));
  std::vector<VoterCode> codes;
  std::optional<std::size_t> column;
  std::string problem;
  const auto fail = [&](std::int64_t line, std::string_view what) {
    if (problem.empty()) problem = fmt::format("{}, line {}: {}", file.string(), line, what);
  };
  CsvReader reader([&](const CsvRecord& record) {
    if (record.is_empty()) return;
    if (!column) {
      const auto found = std::ranges::find(record.fields, kColumn);
      if (found == record.fields.end()) fail(record.line, "there is no column \"code\"");
      column = static_cast<std::size_t>(found - record.fields.begin());
      return;
    }
    const auto code = *column < record.fields.size() ? parse_voter_code(record.fields[*column])
                                                     : std::optional<VoterCode>();
    if (!code) return fail(record.line, "this is not a voter's code");
    codes.push_back(*code);
  });
  if (!reader.read(text) || !reader.finish()) fail(reader.error()->line, reader.error()->what);
  if (problem.empty() && codes.empty()) problem = fmt::format("{} has no codes", file.string());
  if (!problem.empty()) return absl::InvalidArgumentError("--codes: " + problem);
  return codes;
}

CodeVoter::CodeVoter(std::vector<VoterCode> codes, std::uint64_t seed, std::int64_t choices)
    : random_(seed), codes_(std::move(codes)), choice_(0, choices - 1) {
  std::ranges::shuffle(codes_, random_);
}

SubmittedVote CodeVoter::operator()(std::int64_t election, std::int64_t machine,
                                    std::int64_t timestamp_ms) {
  const VoterCode& code = codes_[next_];
  next_ = (next_ + 1) % codes_.size();
  return {.election = election,
          .machine = machine,
          .voter = code.voter,
          .choice = choice_(random_),
          .uuid = random_uuid(),
          .timestamp_ms = timestamp_ms,
          .code = format_voter_code(code)};
}

}  // namespace pollbus::voting_machine
