#include "voting_logger/handler.h"

#include "base/metrics.h"
#include "base/status.h"
#include "election/messages.h"

namespace pollbus::voting_logger {
namespace {

prometheus::Counter& votes_counter(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_votes_total", "Votes by what became of them",
                 {{"outcome", outcome}});
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
    marks.push_back(
        {.election = vote.election, .voter = vote.voter, .fingerprint = fingerprint(key_, vote)});
  }

  std::vector<MarkOutcome> marked;
  const bool is_marked = marks.empty() || redis_.hold_until_ok(stop, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(marked, voters_.mark(marks));
    return absl::OkStatus();
  });
  if (!is_marked) return std::vector<Verdict>(batch.size(), Verdict::kNack);

  for (std::size_t i = 0; i < votes.size(); ++i) {
    outcome.messages.push_back(decide(votes[i], marked[i]));
  }
  const bool is_published = intake_.publish(outcome, stop);
  if (!is_published) return std::vector<Verdict>(batch.size(), Verdict::kNack);

  for (const MarkOutcome mark : marked) count(mark);
  return std::vector<Verdict>(batch.size(), Verdict::kAck);
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
