#include "voting_logger/handler.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/metrics.h"
#include "base/status.h"
#include "election/messages.h"
#include "election/voter_code.h"

namespace pollbus::voting_logger {
namespace {

std::optional<InboundKeys> inbound_keys(const ServiceKeys& keys, DerivedKeys& derived,
                                        const Handler::Parts& parts) {
  if (keys.empty()) return std::nullopt;
  return InboundKeys{.is_authentic =
                         [&keys, &derived](const ReceivedMessage& message) {
                           return is_authentic(keys, message, &derived);
                         },
                     .setting = "SUBMIT_KEY",
                     .clock = parts.clock,
                     .readiness = parts.readiness};
}

// Why the election does not accept a vote; empty for all other outcomes.
std::string_view reason_of(MarkOutcome outcome) {
  switch (outcome) {
    case MarkOutcome::kNotOpen:
      return kReasonNotOpen;
    case MarkOutcome::kPaused:
      return kReasonPaused;
    case MarkOutcome::kClosed:
      return kReasonClosed;
    case MarkOutcome::kNotDefined:
      return kReasonNotDefined;
    case MarkOutcome::kNotOnRoll:
      return kReasonNotOnRoll;
    case MarkOutcome::kWrongCode:
      return kReasonWrongCode;
    case MarkOutcome::kNoSuchChoice:
      return kReasonNoSuchChoice;
    case MarkOutcome::kMarked:
    case MarkOutcome::kSameVoteAgain:
    case MarkOutcome::kOtherVote:
    case MarkOutcome::kRefused:
      break;
  }
  return {};
}

constexpr std::array kOutcomes = {
    std::pair{MarkOutcome::kMarked, "forwarded"},
    std::pair{MarkOutcome::kSameVoteAgain, "forwarded again"},
    std::pair{MarkOutcome::kOtherVote, "already voted"},
    std::pair{MarkOutcome::kRefused, "refused"},
    std::pair{MarkOutcome::kNotOpen, "not open"},
    std::pair{MarkOutcome::kPaused, "paused"},
    std::pair{MarkOutcome::kClosed, "closed"},
    std::pair{MarkOutcome::kNotDefined, "not defined"},
    std::pair{MarkOutcome::kNotOnRoll, "not on the roll"},
    std::pair{MarkOutcome::kWrongCode, "wrong code"},
    std::pair{MarkOutcome::kNoSuchChoice, "no such choice"},
};

std::map<MarkOutcome, prometheus::Counter*> counters_in(prometheus::Registry& metrics) {
  std::map<MarkOutcome, prometheus::Counter*> counters;
  for (const auto& [outcome, name] : kOutcomes) counters[outcome] = &votes_counter(metrics, name);
  return counters;
}

// The hash of the vote's code, if it has a code of its voter.
std::optional<std::uint64_t> code_hash_of(const SubmittedVote& vote) {
  if (!vote.code) return std::nullopt;
  const auto code = parse_voter_code(*vote.code);
  if (!code || code->voter != vote.voter) return std::nullopt;
  return code_hash(vote.election, *code);
}

}  // namespace

Message decide(const SubmittedVote& vote, MarkOutcome outcome) {
  if (outcome == MarkOutcome::kOtherVote) {
    return wire::result_message(
        vote.machine, {.outcome = Outcome::kAlreadyVoted, .uuid = vote.uuid, .reason = {}});
  }
  if (const std::string_view reason = reason_of(outcome); !reason.empty()) {
    return wire::result_message(
        vote.machine,
        {.outcome = Outcome::kRejected, .uuid = vote.uuid, .reason = std::string(reason)});
  }
  return wire::record_message(without_voter(vote));
}

Handler::Handler(Parts parts, const HashKey& key, ServiceKeys keys)
    : outbox_(parts.outbox),
      keys_(std::move(keys)),
      inbound_({{std::string(wire::kFunction), std::string(wire::kSubmitVote)}}, parts.metrics,
               inbound_keys(keys_, derived_, parts)),
      voters_(parts.voters),
      redis_(parts.redis),
      key_(key),
      outcomes_(counters_in(parts.metrics)),
      rejected_(votes_counter(parts.metrics, "rejected")) {}

std::vector<Verdict> Handler::handle(std::span<const ReceivedMessage> batch, std::stop_token stop) {
  std::vector<Verdict> give_back(batch.size(), Verdict::kNack);
  Outgoing outgoing;
  const std::vector<Received> votes = read(batch, &outgoing);

  std::vector<MarkOutcome> marked;
  const bool is_marked = votes.empty() || redis_.hold_until_ok(stop, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(marked, voters_.mark(marks_of(votes)));
    return absl::OkStatus();
  });
  if (!is_marked) return give_back;

  outgoing.messages.reserve(outgoing.messages.size() + votes.size());
  for (std::size_t i = 0; i < votes.size(); ++i) answer(votes[i], marked[i], &outgoing);
  authenticate(keys_, outgoing.messages, &derived_);
  const bool is_published = outbox_.publish(outgoing, stop);
  if (!is_published) return give_back;

  for (const MarkOutcome mark : marked) outcomes_.at(mark)->Increment();
  return std::vector<Verdict>(batch.size(), Verdict::kAck);
}

std::vector<Handler::Received> Handler::read(std::span<const ReceivedMessage> batch,
                                             Outgoing* outgoing) {
  std::vector<Received> votes;
  votes.reserve(batch.size());
  for (const ReceivedMessage& message : batch) {
    if (inbound_.is_stray(message) || inbound_.is_forged(message, outgoing)) continue;
    read(message, &votes, outgoing);
  }
  return votes;
}

void Handler::read(const ReceivedMessage& message, std::vector<Received>* votes,
                   Outgoing* outgoing) {
  auto parsed = wire::parse_submitted(message.data);
  const auto* bad = std::get_if<wire::BadMessage>(&parsed);
  const auto machine = bad == nullptr ? std::get<SubmittedVote>(parsed).machine : bad->machine;
  // The answer goes to the machine named in the data, so only that machine may have sent the vote.
  if (machine && !speaks_for(keys_, message, *machine))
    return inbound_.turn_away(message, outgoing);
  if (bad != nullptr) {
    rejected_.Increment();
    return inbound_.reject(bad->reason, message, wire::rejection(*bad), outgoing);
  }
  votes->push_back({.message = &message, .vote = std::get<SubmittedVote>(std::move(parsed))});
}

std::vector<Mark> Handler::marks_of(const std::vector<Received>& votes) const {
  std::vector<Mark> marks;
  for (const auto& [message, vote] : votes) {
    marks.push_back({.election = vote.election,
                     .voter = vote.voter,
                     .fingerprint = fingerprint(key_, vote),
                     .choice = vote.choice,
                     .code_hash = code_hash_of(vote)});
  }
  return marks;
}

void Handler::answer(const Received& received, MarkOutcome marked, Outgoing* outgoing) {
  const SubmittedVote& vote = received.vote;
  if (marked != MarkOutcome::kRefused) {
    outgoing->messages.push_back(decide(vote, marked));
    return;
  }
  // This vote has marked nothing and goes no further, so the voter can vote once an operator has
  // removed the key. An earlier vote of this voter, if something overwrote its mark, stays
  // recorded.
  const wire::BadMessage refusal{
      .reason = "the register cannot mark this voter", .machine = vote.machine, .uuid = vote.uuid};
  inbound_.reject(refusal.reason, *received.message, wire::rejection(refusal), outgoing);
}

}  // namespace pollbus::voting_logger
