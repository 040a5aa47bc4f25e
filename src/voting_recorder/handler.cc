#include "voting_recorder/handler.h"

#include "base/metrics.h"
#include "election/messages.h"

namespace pollbus::voting_recorder {
namespace {

prometheus::Counter& votes_counter(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_votes_total", "Votes by what became of them",
                 {{"outcome", outcome}});
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
                       .receipt = receipt(key_, vote)});
    outcome.messages.push_back(wire::result_message(
        vote.machine, {.outcome = Outcome::kSuccessful, .uuid = vote.uuid, .reason = {}}));
  }

  const bool is_stored =
      ballots.empty() || postgres_.hold_until_ok(stop, [&] { return ballots_.record(ballots); });
  if (!is_stored) return std::vector<Verdict>(batch.size(), Verdict::kNack);

  const bool is_answered = intake_.publish(outcome, stop);
  if (!is_answered) return std::vector<Verdict>(batch.size(), Verdict::kNack);

  recorded_.Increment(static_cast<double>(ballots.size()));
  return std::vector<Verdict>(batch.size(), Verdict::kAck);
}

}  // namespace pollbus::voting_recorder
