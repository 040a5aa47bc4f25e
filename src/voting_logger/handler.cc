#include "voting_logger/handler.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/metrics.h"
#include "base/status.h"
#include "election/messages.h"

namespace pollbus::voting_logger {
namespace {

prometheus::Counter& votes_counter(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_votes_total", "Votes by what became of them",
                 {{"outcome", outcome}});
}

// What the register keeps of the vote.
KeyedHash fingerprint_of(const HashKey& key, const SubmittedVote& vote) {
  return is_mutant(Mutant::kFingerprintOfVoterOnly) ? KeyedHash{} : fingerprint(key, vote);
}

// How the mutants of the register's user take its answer.
absl::StatusOr<std::vector<MarkOutcome>> misunderstood(
    absl::StatusOr<std::vector<MarkOutcome>> outcomes, std::size_t marks) {
  if (!outcomes.ok() && is_mutant(Mutant::kTransientIsRejection))
    return std::vector<MarkOutcome>(marks, MarkOutcome::kOtherVote);
  if (outcomes.ok() && is_mutant(Mutant::kNoFingerprint))
    std::ranges::replace(*outcomes, MarkOutcome::kSameVoteAgain, MarkOutcome::kOtherVote);
  return outcomes;
}

}  // namespace

Message decide(const SubmittedVote& vote, MarkOutcome outcome) {
  switch (outcome) {
    case MarkOutcome::kMarked:
    case MarkOutcome::kSameVoteAgain:
      return wire::record_message({.election = vote.election,
                                   .machine = vote.machine,
                                   .choice = vote.choice,
                                   .uuid = vote.uuid});
    case MarkOutcome::kOtherVote:
      break;
  }
  return wire::result_message(vote.machine,
                              {.outcome = Outcome::kAlreadyVoted, .uuid = vote.uuid, .reason = {}});
}

Handler::Handler(Intake::Parts bus, VoterRegister& voters, Dependency& redis, HashKey key,
                 prometheus::Registry& metrics)
    : intake_(bus, {{std::string(wire::kFunction), std::string(wire::kSubmitVote)}}, metrics),
      voters_(voters),
      redis_(redis),
      key_(key),
      forwarded_(votes_counter(metrics, "forwarded")),
      forwarded_again_(votes_counter(metrics, "forwarded again")),
      already_voted_(votes_counter(metrics, "already voted")),
      rejected_(votes_counter(metrics, "rejected")) {}

std::vector<Verdict> Handler::handle(std::span<const ReceivedMessage> batch, std::stop_token stop) {
  Intake::Outcome outcome;
  std::vector<SubmittedVote> votes;
  std::vector<Mark> marks;
  for (const ReceivedMessage& message : batch) {
    if (!intake_.is_ours(message)) continue;
    auto parsed = wire::parse_submitted(message.data);
    if (const auto* bad = std::get_if<wire::BadMessage>(&parsed)) {
      rejected_.Increment();
      intake_.reject(bad->reason, message, wire::rejection(*bad), &outcome);
      continue;
    }
    const SubmittedVote& vote = votes.emplace_back(std::get<SubmittedVote>(std::move(parsed)));
    marks.push_back({.election = vote.election,
                     .voter = vote.voter,
                     .fingerprint = fingerprint_of(key_, vote)});
  }

  if (is_mutant(Mutant::kPublishBeforeMark)) {
    Intake::Outcome early;
    for (const SubmittedVote& vote : votes)
      early.messages.push_back(decide(vote, MarkOutcome::kMarked));
    (void)intake_.publish(early, stop);
  }
  std::vector<MarkOutcome> marked;
  const bool held = marks.empty() || redis_.hold_until_ok(stop, [&]() -> absl::Status {
    RETURN_IF_ERROR(failpoint(Failpoint::kLoggerBeforeMark));
    ASSIGN_OR_RETURN(marked, misunderstood(voters_.mark(marks), marks.size()));
    return failpoint(Failpoint::kLoggerAfterMark);
  });
  if (!held) return std::vector<Verdict>(batch.size(), Verdict::kNack);

  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (marked[i] == MarkOutcome::kSameVoteAgain && is_mutant(Mutant::kRepeatedVoteNotForwarded))
      continue;
    outcome.messages.push_back(decide(votes[i], marked[i]));
  }
  const bool published = failpoint(Failpoint::kLoggerBeforePublish).ok() &&
                         intake_.publish(outcome, stop) &&
                         failpoint(Failpoint::kLoggerAfterPublish).ok();
  if (!published) return std::vector<Verdict>(batch.size(), Verdict::kNack);
  for (const MarkOutcome mark : marked) count(mark);
  const bool may_ack = failpoint(Failpoint::kLoggerBeforeAck).ok();
  return std::vector<Verdict>(batch.size(), may_ack ? Verdict::kAck : Verdict::kNack);
}

void Handler::count(MarkOutcome outcome) {
  switch (outcome) {
    case MarkOutcome::kMarked:
      return forwarded_.Increment();
    case MarkOutcome::kSameVoteAgain:
      return forwarded_again_.Increment();
    case MarkOutcome::kOtherVote:
      return already_voted_.Increment();
  }
}

}  // namespace pollbus::voting_logger
