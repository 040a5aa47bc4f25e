#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "election/election_state.h"
#include "election/vote.h"

namespace pollbus::voting_machine {

// What the kiosk knows about one cast vote.
enum class VoteState {
  kNotCast,  // it is certain that the vote does not exist
  kSending,  // on disk, no answer yet
  kKept,     // no answer for ten seconds; it will be delivered
  kRecorded,
  kAlreadyVoted,  // another vote of this voter counts
  kRejected,
  kUnknown,  // the disk failed while the vote was written
};
std::string_view to_text(VoteState state);
std::optional<VoteState> parse_vote_state(std::string_view text);
bool is_final(VoteState state);

// One voter at the kiosk: the steps from the welcome to the answer. A pure state machine without
// I/O. Overwrites code and choices in memory once they are cast, or when it is destroyed. Not
// thread-safe.
class BallotSession {
 public:
  enum class Stage { kStart, kIdentify, kContest, kReview, kAnswer };
  struct Line {  // one contest
    Definition definition;
    std::optional<std::int64_t> choice;  // absent: left blank
    std::string uuid;                    // made for each review
    std::string tracking;
    bool is_blank = false;  // after the cast: the voter left it blank
    VoteState state = VoteState::kNotCast;
    std::string reason;  // when rejected
  };

  explicit BallotSession(std::string id) : id_(std::move(id)) {}
  ~BallotSession();
  BallotSession(BallotSession&&) = default;
  BallotSession& operator=(BallotSession&&) = default;

  const std::string& id() const { return id_; }
  Stage stage() const { return stage_; }
  const std::vector<Line>& lines() const { return lines_; }
  std::size_t at() const { return at_; }  // the contest shown
  // Grows with each step, so that a press on a page that shows an older step is recognised.
  std::int64_t revision() const { return revision_; }
  bool needs_code() const;
  bool is_reviewed_before() const { return is_reviewed_; }
  // The key of a text that tells what was wrong with the last input, or nothing.
  const std::string& notice() const { return notice_; }

  // Each of these returns whether the step is allowed now; otherwise nothing changes.
  bool start(std::vector<Definition> contests);
  bool identify(std::string_view code_or_number);
  // Only for the contest shown, and one of its choices; std::nullopt leaves it blank.
  bool choose(std::size_t contest, std::optional<std::int64_t> choice);
  bool next();
  bool back();
  bool change(std::size_t contest);  // from the review to a contest
  // The votes to cast, one for each contest that was not left blank; all are kSending from now on.
  // Nothing if there is none. The session forgets code and choices.
  std::vector<SubmittedVote> cast(std::int64_t machine, std::int64_t timestamp_ms);

  // What became of a vote. They return whether the vote is this session's and something changed.
  bool set_state(std::string_view uuid, VoteState state, std::string_view reason);
  // All votes that are kSending; the disk decides.
  void set_unsent(VoteState state);
  bool is_sending() const;
  bool is_everything_answered() const;

  // A session of a process that has ended: only what its voter may still be told. `revision` must
  // be greater than that process's.
  static BallotSession restored(std::string id, std::vector<Line> lines, std::int64_t revision);

 private:
  void enter(Stage stage);
  void enter_review();
  void forget_ballot();

  std::string id_;
  Stage stage_ = Stage::kStart;
  std::vector<Line> lines_;
  std::size_t at_ = 0;
  std::int64_t revision_ = 0;
  bool is_reviewed_ = false;
  std::string notice_;
  std::optional<std::int64_t> voter_;
  std::string code_;
};

}  // namespace pollbus::voting_machine
