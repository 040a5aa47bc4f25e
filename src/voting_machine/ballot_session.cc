#include "voting_machine/ballot_session.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "election/tracking_code.h"
#include "election/uuid.h"
#include "election/voter_code.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::array<std::string_view, 7> kStates{"not cast",      "sending",  "kept",   "recorded",
                                                  "already voted", "rejected", "unknown"};

}  // namespace

std::string_view to_text(VoteState state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<VoteState> parse_vote_state(std::string_view text) {
  const auto found = std::ranges::find(kStates, text);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<VoteState>(found - kStates.begin());
}

bool is_final(VoteState state) { return state != VoteState::kSending && state != VoteState::kKept; }

BallotSession::~BallotSession() { forget_ballot(); }

void BallotSession::forget_ballot() {
  sodium_memzero(code_.data(), code_.size());
  code_.clear();
  voter_.reset();
  for (Line& line : lines_) {
    if (line.choice) sodium_memzero(&*line.choice, sizeof *line.choice);
    line.choice.reset();
  }
}

bool BallotSession::needs_code() const {
  return std::ranges::any_of(
      lines_, [](const Line& line) { return line.definition.eligibility == Eligibility::kCodes; });
}

void BallotSession::enter(Stage stage) {
  stage_ = stage;
  notice_.clear();
  ++revision_;
}

bool BallotSession::start(std::vector<Definition> contests) {
  if (stage_ != Stage::kStart || contests.empty()) return false;
  for (Definition& each : contests) {
    lines_.push_back({.definition = std::move(each),
                      .choice = std::nullopt,
                      .uuid = {},
                      .tracking = {},
                      .reason = {}});
  }
  enter(Stage::kIdentify);
  return true;
}

bool BallotSession::identify(std::string_view text) {
  if (stage_ != Stage::kIdentify) return false;
  if (needs_code()) {
    const auto code = parse_voter_code(text);
    if (code) code_ = format_voter_code(*code);
    voter_ = code ? std::optional(code->voter) : std::nullopt;
  } else {
    const auto number = parse_integer(text);
    voter_ = number && *number >= 0 && *number <= kMaxId ? number : std::nullopt;
  }
  at_ = 0;
  enter(voter_ ? Stage::kContest : Stage::kIdentify);
  if (!voter_) notice_ = needs_code() ? "kiosk.code.wrong" : "kiosk.voter.wrong";
  return true;
}

bool BallotSession::choose(std::size_t contest, std::optional<std::int64_t> choice) {
  if (stage_ != Stage::kContest || contest != at_) return false;
  if (choice && !lines_[contest].definition.has_choice(*choice)) return false;
  lines_[contest].choice = choice;
  return true;
}

bool BallotSession::next() {
  if (stage_ != Stage::kContest) return false;
  if (is_reviewed_ || at_ + 1 == lines_.size()) {
    enter_review();
    return true;
  }
  ++at_;
  enter(Stage::kContest);
  return true;
}

// The UUIDs are new for each review, so that no two ballots can ever share one.
void BallotSession::enter_review() {
  for (Line& line : lines_) {
    line.uuid = random_uuid();
    line.tracking = tracking_code(line.definition.election, line.uuid);
  }
  is_reviewed_ = true;
  enter(Stage::kReview);
}

bool BallotSession::back() {
  if (stage_ == Stage::kReview) return change(lines_.size() - 1);
  if (stage_ != Stage::kContest) return false;
  if (at_ == 0) {
    enter(Stage::kIdentify);
  } else {
    --at_;
    enter(Stage::kContest);
  }
  return true;
}

bool BallotSession::change(std::size_t contest) {
  if (stage_ != Stage::kReview || contest >= lines_.size()) return false;
  at_ = contest;
  enter(Stage::kContest);
  return true;
}

std::vector<SubmittedVote> BallotSession::cast(std::int64_t machine, std::int64_t timestamp_ms) {
  std::vector<SubmittedVote> votes;
  if (stage_ != Stage::kReview) return votes;
  for (Line& line : lines_) {
    line.is_blank = !line.choice;
    if (line.is_blank) continue;
    const bool has_code = line.definition.eligibility == Eligibility::kCodes;
    votes.push_back({.election = line.definition.election,
                     .machine = machine,
                     .voter = *voter_,
                     .choice = *line.choice,
                     .uuid = line.uuid,
                     .timestamp_ms = timestamp_ms,
                     .code = has_code ? std::optional(code_) : std::nullopt});
    line.state = VoteState::kSending;
  }
  if (votes.empty()) return votes;
  forget_ballot();
  enter(Stage::kAnswer);
  return votes;
}

bool BallotSession::set_state(std::string_view uuid, VoteState state, std::string_view reason) {
  if (stage_ != Stage::kAnswer) return false;
  for (Line& line : lines_) {
    if (line.uuid != uuid || is_final(line.state) || line.state == state) continue;
    line.state = state;
    line.reason = reason;
    ++revision_;
    return true;
  }
  return false;
}

void BallotSession::set_unsent(VoteState state) {
  for (Line& line : lines_) {
    if (line.state == VoteState::kSending) line.state = state;
  }
  ++revision_;
}

bool BallotSession::is_sending() const {
  return std::ranges::any_of(lines_,
                             [](const Line& line) { return line.state == VoteState::kSending; });
}

bool BallotSession::is_everything_answered() const {
  return std::ranges::all_of(lines_, [](const Line& line) { return is_final(line.state); });
}

BallotSession BallotSession::restored(std::string id, std::vector<Line> lines,
                                      std::int64_t revision) {
  BallotSession session(std::move(id));
  session.lines_ = std::move(lines);
  session.stage_ = Stage::kAnswer;
  session.revision_ = revision;
  return session;
}

}  // namespace pollbus::voting_machine
