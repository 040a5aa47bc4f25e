#include "voting_recorder/handler.h"

#include "base/failpoint.h"
#include "base/metrics.h"
#include "base/status.h"
#include "election/messages.h"

namespace pollbus::voting_recorder {
namespace {

prometheus::Counter& votes_counter(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_votes_total", "Votes by what became of them",
                 {{"outcome", outcome}});
}

// The receipt's hash is of election and UUID, whichever message and batch they came in.
KeyedHash receipt_of(const HashKey& key, AnonymousVote vote, const ReceivedMessage& message,
                     const ReceivedMessage& first_of_batch) {
  if (is_mutant(Mutant::kReceiptOfMessageId)) vote.uuid = message.id;
  if (is_mutant(Mutant::kReceiptPerBatch)) vote.uuid += first_of_batch.id;
  return receipt(key, vote);
}

}  // namespace

Handler::Handler(Intake::Parts bus, BallotBox& ballots, Dependency& postgres, HashKey key,
                 prometheus::Registry& metrics)
    : intake_(bus, {{std::string(wire::kFunction), std::string(wire::kRecordVote)}}, metrics),
      ballots_(ballots),
      postgres_(postgres),
      key_(key),
      recorded_(votes_counter(metrics, "recorded")),
      rejected_(votes_counter(metrics, "rejected")) {}

std::vector<Verdict> Handler::handle(std::span<const ReceivedMessage> batch, std::stop_token stop) {
  Intake::Outcome outcome;
  std::vector<Ballot> ballots;
  for (const ReceivedMessage& message : batch) {
    if (!intake_.is_ours(message)) continue;
    const auto parsed = wire::parse_recorded(message.data);
    if (const auto* bad = std::get_if<wire::BadMessage>(&parsed)) {
      rejected_.Increment();
      intake_.reject(bad->reason, message, wire::rejection(*bad), &outcome);
      continue;
    }
    const auto& vote = std::get<AnonymousVote>(parsed);
    ballots.push_back({.election = vote.election,
                       .machine = vote.machine,
                       .choice = vote.choice,
                       .receipt = receipt_of(key_, vote, message, batch.front())});
    const bool is_misled = is_mutant(Mutant::kResultToTheWrongMachine);
    outcome.messages.push_back(
        wire::result_message(is_misled ? ballots.front().machine : vote.machine,
                             {.outcome = Outcome::kSuccessful, .uuid = vote.uuid, .reason = {}}));
  }

  if (is_mutant(Mutant::kAnswerBeforeCommit)) (void)intake_.publish(outcome, stop);
  const bool stored = ballots.empty() || postgres_.hold_until_ok(stop, [&]() -> absl::Status {
    RETURN_IF_ERROR(failpoint(Failpoint::kRecorderBeforeCommit));
    const absl::Status status = ballots_.record(ballots);
    if (!is_mutant(Mutant::kCommitFailureIgnored)) RETURN_IF_ERROR(status);
    return failpoint(Failpoint::kRecorderAfterCommit);
  });
  const bool answered = stored && failpoint(Failpoint::kRecorderBeforePublish).ok() &&
                        intake_.publish(outcome, stop) &&
                        failpoint(Failpoint::kRecorderAfterPublish).ok();
  if (!answered) return std::vector<Verdict>(batch.size(), Verdict::kNack);
  recorded_.Increment(static_cast<double>(ballots.size()));
  const bool may_ack = failpoint(Failpoint::kRecorderBeforeAck).ok();
  return std::vector<Verdict>(batch.size(), may_ack ? Verdict::kAck : Verdict::kNack);
}

}  // namespace pollbus::voting_recorder
