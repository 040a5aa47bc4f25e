#include "voting_machine/vote_client.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"
#include "election/messages.h"

namespace pollbus::voting_machine {
namespace {

// An answered vote waits for its erasure in the journal, so the journal must have room for more
// than the pending votes.
static_assert(VoteClient::kMaxPending * 2 <= Journal::kMaxEntries);

std::optional<InboundKeys> inbound_keys(const VoteClient::Parts& parts, std::int64_t machine) {
  if (parts.keys.empty()) return std::nullopt;
  return InboundKeys{.is_authentic =
                         [&keys = parts.keys, machine](const ReceivedMessage& message) {
                           return is_authentic(keys, machine, message);
                         },
                     .setting = "MACHINE_RESULT_KEY",
                     .clock = parts.clock,
                     .readiness = parts.readiness};
}

}  // namespace

VoteClient::VoteClient(Parts parts, std::int64_t machine)
    : parts_(std::move(parts)),
      machine_(machine),
      outbox_(parts_.bus, parts_.metrics),
      inbound_({{std::string(wire::kFunction), std::string(wire::kResult)},
                {std::string(wire::kMachineId), std::to_string(machine)}},
               parts_.metrics, inbound_keys(parts_, machine)),
      refused_(counter(parts_.metrics, "pollbus_votes_refused_by_bus_total",
                       "Attempts to publish a vote that the bus refused as invalid")),
      pending_(parts_.seed) {
  gauge(parts_.metrics, "pollbus_journal_damaged_slots",
        "Slots of the journal that had a wrong checksum at the start")
      .Set(static_cast<double>(parts_.journal.damaged()));
  recover();
}

void VoteClient::recover() {
  for (const Journal::Entry& entry : parts_.journal.recovered()) {
    const auto parsed = wire::parse_submitted(entry.data);
    if (const auto* bad = std::get_if<wire::BadMessage>(&parsed)) {
      log_warning("the journal has an entry that is not a vote; it stays there",
                  {{"slot", entry.slot}, {"reason", bad->reason}});
      continue;
    }
    const auto& vote = std::get<SubmittedVote>(parsed);
    if (pending_.add_recovered(vote.uuid, entry.data, entry.slot, parts_.clock.now())) {
      recovered_.push_back(vote);
    } else {
      log_warning("the journal has two entries with the same UUID; the second one is not published",
                  {{"slot", entry.slot}});
    }
  }
  if (recovered_.empty()) return;
  log_info("the journal has unanswered votes of an earlier run; publishing them again",
           {{"votes", recovered_.size()}});
}

void VoteClient::add_observer(VoteObserver& observer) {
  observers_.push_back(&observer);
  if (!recovered_.empty()) observer.recovered(recovered_);
}

absl::Status VoteClient::cast(std::span<const SubmittedVote> votes) {
  const SteadyTime now = parts_.clock.now();
  RETURN_IF_ERROR(check(votes));
  std::vector<std::string> data;
  data.reserve(votes.size());
  for (const SubmittedVote& vote : votes) data.push_back(wire::encode(vote));
  ASSIGN_OR_RETURN(const auto slots, keep(data));
  for (VoteObserver* observer : observers_) observer->kept(votes);
  return add(votes, std::move(data), slots, now);
}

absl::Status VoteClient::check(std::span<const SubmittedVote> votes) const {
  const auto is_mine = [this](const SubmittedVote& vote) { return vote.machine == machine_; };
  if (!std::ranges::all_of(votes, is_mine))
    return absl::InvalidArgumentError("a vote of another machine would never be answered here");
  absl::flat_hash_set<std::string_view> uuids;
  uuids.reserve(votes.size());
  const std::lock_guard lock(mutex_);
  for (const SubmittedVote& vote : votes) {
    if (!uuids.insert(vote.uuid).second || pending_.contains(vote.uuid))
      return absl::AlreadyExistsError("a vote with this UUID is pending already");
  }
  if (pending_.size() + votes.size() > kMaxPending) {
    return absl::ResourceExhaustedError("too many votes without an answer: " +
                                        std::to_string(pending_.size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Journal::Slot>> VoteClient::keep(std::span<const std::string> data) {
  const JournalTurn turn(journal_turn_);
  RETURN_IF_ERROR(journal_status_);
  auto slots = parts_.journal.append(data);
  if (!slots.ok() && !absl::IsInvalidArgument(slots.status())) journal_status_ = slots.status();
  return slots;
}

// Two threads may cast the same UUID at the same time. The second one finds out here.
absl::Status VoteClient::add(std::span<const SubmittedVote> votes, std::vector<std::string> data,
                             const std::vector<Journal::Slot>& slots, SteadyTime now) {
  absl::Status status;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < votes.size(); ++i) {
      if (pending_.add(votes[i].uuid, std::move(data[i]), slots[i], now)) continue;
      to_erase_.push_back(slots[i]);
      status = absl::AlreadyExistsError("a vote with this UUID is pending already");
    }
  }
  due_.notify_all();
  return status;
}

absl::StatusOr<SteadyTime> VoteClient::tend() {
  std::vector<std::string> timed_out;
  std::vector<Journal::Slot> slots;
  SteadyTime wake;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = parts_.clock.now();
    timed_out = pending_.take_timed_out(now);
    slots.swap(to_erase_);
    wake = pending_.next_time_out().value_or(now + kAnswerTimeout);
  }
  if (!timed_out.empty()) {
    answered_.notify_all();
    for (VoteObserver* observer : observers_) observer->timed_out(timed_out);
  }
  RETURN_IF_ERROR(erase(slots));
  return wake;
}

absl::Status VoteClient::erase(std::span<const Journal::Slot> slots) {
  const JournalTurn turn(journal_turn_);
  RETURN_IF_ERROR(journal_status_);
  journal_status_ = parts_.journal.erase(slots);
  return journal_status_;
}

SteadyTime VoteClient::deliver(std::stop_token stop) {
  std::vector<PendingVotes::Due> votes;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = parts_.clock.now();
    votes = pending_.take_due(now, kMaxBatchVotes);
    if (votes.empty()) return pending_.next_due().value_or(now + kAnswerTimeout);
  }
  std::vector<Message> messages;
  messages.reserve(votes.size());
  for (PendingVotes::Due& vote : votes)
    messages.push_back(wire::submit_message(std::move(vote.data)));
  authenticate(parts_.keys, machine_, messages);
  publish(votes, messages, stop);
  return parts_.clock.now();
}

// A vote that the bus refuses for good must not hold up the others: the batch is halved until the
// vote is alone.
void VoteClient::publish(std::span<const PendingVotes::Due> votes,
                         std::span<const Message> messages, std::stop_token stop) {
  const auto passes = [](const absl::Status& error) { return !absl::IsInvalidArgument(error); };
  const absl::Status status = parts_.bus.dependency.hold_while(
      stop, passes, [&] { return parts_.bus.topic.publish(messages, stop); });
  const std::size_t half = votes.size() / 2;
  if (absl::IsInvalidArgument(status) && half > 0) {
    publish(votes.first(half), messages.first(half), stop);
    publish(votes.subspan(half), messages.subspan(half), stop);
    return;
  }
  if (absl::IsInvalidArgument(status)) report_refused(status);
  reschedule(votes, status.ok());
  if (!status.ok()) return;
  for (VoteObserver* observer : observers_) observer->published(messages);
}

void VoteClient::reschedule(std::span<const PendingVotes::Due> votes, bool is_published) {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = parts_.clock.now();
  for (const PendingVotes::Due& vote : votes) {
    if (is_published) {
      pending_.published(vote.uuid, now);
    } else {
      pending_.postpone(vote.uuid, now + kMaxRetryPause);
    }
  }
}

void VoteClient::report_refused(const absl::Status& status) {
  refused_.Increment();
  log_error("the bus refuses a vote; it stays in the journal and is tried again",
            {{"error", status}});
}

std::vector<Verdict> VoteClient::on_results(std::span<const ReceivedMessage> batch,
                                            std::stop_token stop) {
  Outgoing outgoing;
  std::vector<Answer> answers;
  answers.reserve(batch.size());
  for (const ReceivedMessage& message : batch) {
    if (inbound_.is_stray(message) || inbound_.is_forged(message, &outgoing)) continue;
    auto parsed = wire::parse_result(message.data);
    if (auto* result = std::get_if<Result>(&parsed)) {
      answers.push_back({.result = std::move(*result), .text = message.data, .latency = {}});
    } else if (!parts_.other_answers || !parts_.other_answers(message)) {
      inbound_.reject(std::get<wire::BadMessage>(parsed).reason, message, std::nullopt, &outgoing);
    }
  }
  end_votes(answers);
  const bool may_ack = outbox_.publish(outgoing, stop);
  return std::vector<Verdict>(batch.size(), may_ack ? Verdict::kAck : Verdict::kNack);
}

void VoteClient::end_votes(std::span<Answer> answers) {
  if (answers.empty()) return;
  std::vector<Journal::Slot> slots;
  slots.reserve(answers.size());
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = parts_.clock.now();
    for (Answer& answer : answers) {
      const auto ended = pending_.end(answer.result.uuid, now);
      if (!ended) continue;
      answer.ends_vote = true;
      answer.latency = ended->latency;
      slots.push_back(ended->slot);
    }
  }
  for (VoteObserver* observer : observers_) observer->answered(answers);
  // Only now, so that an observer can note the answer on disk before the vote leaves the journal.
  {
    const std::lock_guard lock(mutex_);
    to_erase_.insert(to_erase_.end(), slots.begin(), slots.end());
  }
  answered_.notify_all();
}

std::size_t VoteClient::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_.size();
}

std::size_t VoteClient::in_flight() const {
  const std::lock_guard lock(mutex_);
  return pending_.in_flight();
}

void VoteClient::wait_to_tend(SteadyTime wake, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  answered_.wait_until(lock, stop, wake, [this] { return !to_erase_.empty(); });
}

void VoteClient::wait_to_deliver(SteadyTime wake, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  due_.wait_until(lock, stop, wake, [&] {
    const auto due = pending_.next_due();
    return due && *due < wake;
  });
}

void VoteClient::wait_for_answers(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  answered_.wait_until(lock, deadline, [this] { return pending_.in_flight() == 0; });
}

}  // namespace pollbus::voting_machine
