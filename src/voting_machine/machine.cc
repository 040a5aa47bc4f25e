#include "voting_machine/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/logging.h"
#include "base/status.h"
#include "election/messages.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::size_t kMaxBatchVotes = 1'000;
// Votes without an answer at which no new one is cast, whatever else is allowed.
constexpr std::size_t kMaxPending = 500'000;
static_assert(kMaxPending + kMaxBatchVotes < Journal::kMaxEntries);
// A machine that fell behind its rate (the bus was away) does not make up for more than this.
constexpr std::chrono::seconds kMaxCatchUp{1};
// After a stop, how long the answers to what was just published are waited for.
constexpr std::chrono::milliseconds kStopGrace{2'000};

std::chrono::nanoseconds seconds(double count) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(count));
}

Message submit(const std::string& data) {
  return {data, {{std::string(wire::kFunction), std::string(wire::kSubmitVote)}}};
}

}  // namespace

double Tally::votes_per_second() const {
  const std::chrono::duration<double> took = finished - started;
  return took.count() > 0 ? static_cast<double>(answered()) / took.count() : 0;
}

Machine::Machine(Parts parts, Load load, RandomVoter voter)
    : parts_(parts),
      intake_(parts.bus,
              {{std::string(wire::kFunction), std::string(wire::kResult)},
               {std::string(wire::kMachineId), std::to_string(load.machine)}},
              parts.metrics),
      load_(load),
      voter_(std::move(voter)),
      pending_(parts.seed),
      next_cast_(parts.clock.now()) {
  tally_.started = tally_.finished = parts.clock.wall_now();
  recover();
}

void Machine::recover() {
  for (const Journal::Entry& entry : parts_.journal.recovered()) {
    const auto parsed = wire::parse_submitted(entry.data);
    if (const auto* vote = std::get_if<SubmittedVote>(&parsed)) {
      pending_.add_recovered(vote->uuid, entry.data, entry.slot, parts_.clock.now());
      ++tally_.recovered;
      if (parts_.history != nullptr) parts_.history->recovered(*vote);
    } else {
      log_warning("the journal holds what is no vote; it is left there",
                  {{"slot", entry.slot}, {"reason", std::get<wire::BadMessage>(parsed).reason}});
    }
  }
  if (tally_.recovered > 0) {
    log_info("votes without an answer found in the journal; publishing them again",
             {{"votes", tally_.recovered}});
  }
}

absl::Status Machine::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    ASSIGN_OR_RETURN(const Next next, step(stop));
    if (next.done) break;
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, next.wake, [&] { return tally_.answered() != next.answers; });
  }
  if (stop.stop_requested()) wait_for_last_answers();
  return erase_answered();
}

absl::StatusOr<Machine::Next> Machine::step(std::stop_token stop) {
  const Plan now = plan();
  RETURN_IF_ERROR(erase(now.settled));
  std::vector<Message> out;
  for (const std::string& data : now.again) {
    if (parts_.history != nullptr) parts_.history->republished(data);
    out.push_back(submit(data));
  }
  RETURN_IF_ERROR(cast(now.new_votes, out));
  if (!out.empty()) publish(out, stop);
  return now.next;
}

absl::Status Machine::erase_answered() {
  std::vector<Journal::Slot> answered;
  {
    const std::lock_guard lock(mutex_);
    answered.swap(settled_);
  }
  return erase(answered);
}

absl::Status Machine::erase(const std::vector<Journal::Slot>& slots) {
  for (const Journal::Slot slot : slots) {
    RETURN_IF_ERROR(parts_.journal.erase(slot));
  }
  return absl::OkStatus();
}

Machine::Plan Machine::plan() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = parts_.clock.now();
  Plan plan{.next = {.wake = now, .answers = tally_.answered()}};
  if (all_cast()) {
    if (!give_up_) give_up_ = now + load_.patience;
    plan.next.done = pending_.size() == 0 || now >= *give_up_;
    if (plan.next.done) return plan;
  }
  auto due = pending_.take_due(now, kMaxBatchVotes);
  tally_.timed_out += due.timed_out;
  for (int i = 0; i < due.timed_out; ++i) print("Time out");
  plan.again = std::move(due.data);
  plan.new_votes = std::min(may_cast(now), kMaxBatchVotes);
  if (!plan.again.empty() || plan.new_votes > 0 || settled_.size() >= kMaxBatchVotes) {
    plan.settled.swap(settled_);
  } else {
    plan.next.wake = wake_at(now);
  }
  return plan;
}

// When, without any answer, there is something to do next.
SteadyTime Machine::wake_at(SteadyTime now) const {
  SteadyTime wake = pending_.next_due().value_or(now + kAnswerTimeout);
  if (give_up_) wake = std::min(wake, *give_up_);
  if (!all_cast() && pending_.size() < kMaxPending &&
      pending_.in_flight() < static_cast<std::size_t>(load_.in_flight)) {
    wake = std::min(wake, next_cast_);
  }
  return wake;
}

// New votes are in the journal, on disk, before any of them is published.
absl::Status Machine::cast(std::size_t count, std::vector<Message>& out) {
  if (count == 0) return absl::OkStatus();
  const SteadyTime now = parts_.clock.now();
  const std::int64_t timestamp_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                        parts_.clock.wall_now().time_since_epoch())
                                        .count();
  std::vector<SubmittedVote> votes;
  std::vector<std::string> data;
  for (std::size_t i = 0; i < count; ++i) {
    votes.push_back(voter_.cast(load_.election, load_.machine, timestamp_ms));
    data.push_back(wire::encode(votes.back()));
    out.push_back(submit(data.back()));
  }
  ASSIGN_OR_RETURN(const auto slots, parts_.journal.append(data));
  if (parts_.history != nullptr) parts_.history->cast(votes);
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < count; ++i)
    pending_.add(votes[i].uuid, std::move(data[i]), slots[i], now);
  tally_.sent += static_cast<std::int64_t>(count);
  if (load_.rate > 0) {
    next_cast_ =
        std::max(next_cast_, now - kMaxCatchUp) + seconds(static_cast<double>(count) / load_.rate);
  }
  return absl::OkStatus();
}

void Machine::publish(const std::vector<Message>& out, std::stop_token stop) {
  const bool published =
      parts_.bus.bus.hold_until_ok(stop, [&] { return parts_.bus.topic.publish(out).status(); });
  if (!published) return;
  const std::lock_guard lock(mutex_);
  for (const Message& message : out) print(fmt::format("The message {} is sent", message.data));
}

void Machine::wait_for_last_answers() {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, parts_.clock.now() + kStopGrace,
                      [this] { return pending_.in_flight() == 0; });
}

std::size_t Machine::may_cast(SteadyTime now) const {
  std::int64_t count = load_.in_flight - static_cast<std::int64_t>(pending_.in_flight());
  if (load_.votes) count = std::min(count, *load_.votes - tally_.sent);
  count = std::min(
      count, static_cast<std::int64_t>(kMaxPending) - static_cast<std::int64_t>(pending_.size()));
  if (load_.rate > 0) {
    if (now < next_cast_) return 0;
    const std::chrono::duration<double> behind =
        std::min<std::chrono::nanoseconds>(now - next_cast_, kMaxCatchUp);
    count = std::min(count, 1 + static_cast<std::int64_t>(behind.count() * load_.rate));
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
}

std::vector<Verdict> Machine::on_results(std::span<const ReceivedMessage> batch,
                                         std::stop_token stop) {
  Intake::Outcome outcome;
  {
    const std::lock_guard lock(mutex_);
    for (const ReceivedMessage& message : batch) {
      if (!intake_.is_ours(message)) continue;
      const auto parsed = wire::parse_result(message.data);
      if (const auto* result = std::get_if<Result>(&parsed)) {
        print(fmt::format("Received {}.", message.data));
        on_result(*result);
      } else {
        intake_.reject(std::get<wire::BadMessage>(parsed).reason, message, std::nullopt, &outcome);
      }
    }
  }
  changed_.notify_all();
  const bool may_ack = intake_.publish(outcome, stop);
  return std::vector<Verdict>(batch.size(), may_ack ? Verdict::kAck : Verdict::kNack);
}

void Machine::on_result(const Result& result) {
  const auto settled = pending_.settle(result.uuid, parts_.clock.now());
  if (parts_.history != nullptr) parts_.history->answered(result, settled.has_value());
  if (!settled) {
    ++tally_.unknown_results;
    return;
  }
  settled_.push_back(settled->slot);
  switch (result.outcome) {
    case Outcome::kSuccessful:
      ++tally_.successful;
      break;
    case Outcome::kAlreadyVoted:
      ++tally_.already_voted;
      break;
    case Outcome::kRejected:
      ++tally_.rejected;
      break;
  }
  tally_.finished = parts_.clock.wall_now();
  if (settled->latency) {
    tally_.latency.record(std::chrono::duration_cast<std::chrono::microseconds>(*settled->latency));
  }
}

Tally Machine::tally() const {
  const std::lock_guard lock(mutex_);
  Tally tally = tally_;
  tally.pending = static_cast<std::int64_t>(pending_.size());
  return tally;
}

void Machine::print(const std::string& line) {
  if (parts_.lines != nullptr) *parts_.lines << line + "\n" << std::flush;
}

}  // namespace pollbus::voting_machine
