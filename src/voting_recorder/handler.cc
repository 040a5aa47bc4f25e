#include "voting_recorder/handler.h"

#include <algorithm>
#include <utility>

#include "base/metrics.h"
#include "base/status.h"
#include "election/messages.h"

namespace pollbus::voting_recorder {
namespace {

std::vector<Ballot> ballots_of(const auto& votes) {
  std::vector<Ballot> ballots;
  ballots.reserve(votes.size());
  for (const auto& received : votes) ballots.push_back(ballot_of(received.vote));
  return ballots;
}

std::optional<InboundKeys> inbound_keys(const ServiceKeys& keys, DerivedKeys& derived,
                                        const Handler::Parts& parts) {
  if (keys.empty()) return std::nullopt;
  return InboundKeys{.is_authentic =
                         [&keys, &derived](const ReceivedMessage& message) {
                           return is_authentic(keys, message, &derived);
                         },
                     .setting = "RECORD_KEY",
                     .clock = parts.clock,
                     .readiness = parts.readiness};
}

// Why a vote was not stored.
std::string reason_of(BallotOutcome outcome) {
  if (outcome == BallotOutcome::kOtherVote) return "UUID belongs to a different vote";
  if (outcome == BallotOutcome::kSealed) return std::string(kReasonClosed);
  return "the database refuses this vote";
}

}  // namespace

Handler::Handler(Parts parts, ServiceKeys keys)
    : outbox_(parts.outbox),
      keys_(std::move(keys)),
      inbound_({{std::string(wire::kFunction), std::string(wire::kRecordVote)}}, parts.metrics,
               inbound_keys(keys_, derived_, parts)),
      ballots_(parts.ballots),
      postgres_(parts.postgres),
      recorded_(votes_counter(parts.metrics, "recorded")),
      recorded_again_(votes_counter(parts.metrics, "recorded again")),
      uuid_reused_(votes_counter(parts.metrics, "uuid reused")),
      refused_(votes_counter(parts.metrics, "refused")),
      sealed_(votes_counter(parts.metrics, "sealed")),
      rejected_(votes_counter(parts.metrics, "rejected")) {}

std::vector<Verdict> Handler::handle(std::span<const ReceivedMessage> batch, std::stop_token stop) {
  std::vector<Verdict> give_back(batch.size(), Verdict::kNack);
  Outgoing outgoing;
  std::vector<Received> votes = read(batch, &outgoing);

  std::vector<BallotOutcome> recorded;
  const bool is_recorded = votes.empty() || postgres_.hold_until_ok(stop, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(recorded, ballots_.record(ballots_of(votes)));
    return absl::OkStatus();
  });
  if (!is_recorded) return give_back;
  for (const BallotOutcome each : recorded) count(each);
  report_delay(std::ranges::find(recorded, BallotOutcome::kDelayed) != recorded.end());

  std::vector<Verdict> verdicts(batch.size(), Verdict::kAck);
  outgoing.messages.reserve(outgoing.messages.size() + votes.size());
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (recorded[i] == BallotOutcome::kDelayed)
      verdicts[static_cast<std::size_t>(votes[i].message - batch.data())] = Verdict::kNack;
    else
      answer(std::move(votes[i]), recorded[i], &outgoing);
  }
  authenticate(keys_, outgoing.messages, &derived_);
  const bool is_published = outbox_.publish(outgoing, stop);
  return is_published ? verdicts : give_back;
}

std::vector<Handler::Received> Handler::read(std::span<const ReceivedMessage> batch,
                                             Outgoing* outgoing) {
  std::vector<Received> votes;
  votes.reserve(batch.size());
  for (const ReceivedMessage& message : batch) {
    if (inbound_.is_stray(message) || inbound_.is_forged(message, outgoing)) continue;
    auto parsed = wire::parse_recorded(message.data);
    if (const auto* bad = std::get_if<wire::BadMessage>(&parsed)) {
      rejected_.Increment();
      inbound_.reject(bad->reason, message, wire::rejection(*bad), outgoing);
      continue;
    }
    votes.push_back({.message = &message, .vote = std::get<AnonymousVote>(std::move(parsed))});
  }
  return votes;
}

void Handler::answer(Received received, BallotOutcome recorded, Outgoing* outgoing) {
  AnonymousVote& vote = received.vote;
  if (recorded == BallotOutcome::kRecorded || recorded == BallotOutcome::kRecordedAgain) {
    outgoing->messages.push_back(wire::result_message(
        vote.machine,
        {.outcome = Outcome::kSuccessful, .uuid = std::move(vote.uuid), .reason = {}}));
    return;
  }
  // The logger has marked the voter, and the mark stays: the voter cannot vote again, although this
  // vote is not stored. Nobody here knows the voter, so only an operator can undo that, and the
  // number of marks exceeds the number of rows until then. To hold the vote instead would keep it
  // from ever being answered.
  const wire::BadMessage refusal{
      .reason = reason_of(recorded), .machine = vote.machine, .uuid = vote.uuid};
  inbound_.reject(refusal.reason, *received.message, wire::rejection(refusal), outgoing);
}

void Handler::report_delay(bool is_delayed) {
  if (!is_delayed && !has_delayed_votes_) return;
  has_delayed_votes_ = is_delayed;
  postgres_.report("delayed votes",
                   is_delayed ? absl::UnavailableError("the database stores votes, but fails to "
                                                       "store some; the log says why")
                              : absl::OkStatus());
}

void Handler::count(BallotOutcome outcome) {
  switch (outcome) {
    case BallotOutcome::kRecorded:
      return recorded_.Increment();
    case BallotOutcome::kRecordedAgain:
      return recorded_again_.Increment();
    case BallotOutcome::kOtherVote:
      return uuid_reused_.Increment();
    case BallotOutcome::kRefused:
      return refused_.Increment();
    case BallotOutcome::kSealed:
      return sealed_.Increment();
    case BallotOutcome::kDelayed:
      return;  // It comes again.
  }
}

}  // namespace pollbus::voting_recorder
