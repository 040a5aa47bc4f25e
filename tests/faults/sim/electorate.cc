#include "faults/sim/electorate.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <variant>

#include "election/voter_code.h"
#include "election/zoned_time.h"

namespace pollbus::faults {
namespace {

constexpr std::int64_t kVotersPerStranger = 5;
constexpr std::int64_t kNoSuchChoice = 9;
constexpr double kMistaken = 0.1;

bool is_on_roll(std::int64_t voter) { return voter % kVotersPerStranger != 4; }

VoterCode code_of(std::int64_t voter) {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;
  return {.voter = voter, .secret = kSpread * static_cast<std::uint64_t>(voter + 1)};
}

// The local time in UTC, "2026-12-01T08:00", of the next full minute but `minutes`.
std::string minute_after(WallTime begin, int minutes) {
  const auto minute =
      std::chrono::floor<std::chrono::minutes>(begin) + std::chrono::minutes(1 + minutes);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(minute.time_since_epoch());
  return utc_text(ms.count()).substr(0, 16);
}

Definition definition_of(const Profile& profile, WallTime begin) {
  std::string times;
  if (profile.opens_by_clock) times += fmt::format(R"("opens":"{}",)", minute_after(begin, 0));
  if (profile.closes_by_clock)
    times += fmt::format(R"("closes":"{}",)", minute_after(begin, profile.opens_by_clock ? 1 : 0));
  const auto parsed = parse_definition(fmt::format(
      R"({{"election_ID":{},"event":"E","title":{{"en":"T"}},{}"time_zone":"UTC","choices":[)"
      R"({{"voting":0,"name":{{"en":"A"}}}},{{"voting":1,"name":{{"en":"B"}}}},)"
      R"({{"voting":2,"name":{{"en":"C"}}}}],"eligibility":"{}"}})",
      kElection, times, to_text(profile.eligibility)));
  if (!std::holds_alternative<Definition>(parsed))
    throw std::logic_error(std::get<std::vector<Problem>>(parsed).front().what);
  return std::get<Definition>(parsed);
}

}  // namespace

Electorate::Electorate(const Profile& profile, WallTime begin) : profile_(profile) {
  if (!profile.is_defined) return;
  definition_ = definition_of(profile, begin);
  if (!definition_.needs_roll()) return;
  for (std::int64_t voter = 0; voter < profile.voters; ++voter) {
    if (is_on_roll(voter)) {
      roll_.push_back(entry_of(voter));
    } else if (profile.adds_voter && !late_voter_) {
      late_voter_ = entry_of(voter);
    }
  }
}

RollEntry Electorate::entry_of(std::int64_t voter) const {
  if (profile_.eligibility != Eligibility::kCodes) return {.voter = voter, .code_hash = {}};
  return {.voter = voter, .code_hash = code_hash(kElection, code_of(voter))};
}

SubmittedVote Electorate::complete(SubmittedVote vote, Random& random) const {
  if (!profile_.is_defined) return vote;
  if (random.chance(kMistaken)) vote.choice = kNoSuchChoice;
  if (profile_.eligibility != Eligibility::kCodes) return vote;
  VoterCode code = code_of(vote.voter);
  if (random.chance(kMistaken)) code.secret ^= 1;
  if (random.chance(kMistaken)) code = code_of(vote.voter + 1);
  if (!random.chance(kMistaken)) vote.code = format_voter_code(code);
  return vote;
}

Eligible Electorate::judge(const SubmittedVote& vote) const {
  if (!profile_.is_defined) return Eligible::kYes;
  if (vote.choice < 0 || vote.choice >= kChoices) return Eligible::kNo;
  if (profile_.eligibility == Eligibility::kOpen) return Eligible::kYes;
  const bool is_late = late_voter_ && late_voter_->voter == vote.voter;
  if (!is_late && !is_on_roll(vote.voter)) return Eligible::kNo;
  if (profile_.eligibility == Eligibility::kCodes &&
      (!vote.code || parse_voter_code(*vote.code) != code_of(vote.voter))) {
    return Eligible::kNo;
  }
  return is_late ? Eligible::kUnknown : Eligible::kYes;
}

}  // namespace pollbus::faults
