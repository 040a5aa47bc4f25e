#include "voting_machine/load_generator.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status.h"

namespace pollbus::voting_machine {
namespace {

// A machine that fell behind its rate makes up for at most this much time.
constexpr std::chrono::seconds kMaxCatchUp{1};
// Votes that become due within this time are cast together. One by one, thousands of votes a second
// would mean thousands of synced writes to the journal, which would slow down the whole system.
constexpr std::chrono::milliseconds kGroupPause{10};
// How long run() sleeps when it waits for answers only; any answer ends the sleep.
constexpr std::chrono::seconds kIdlePause{10};

std::chrono::nanoseconds time_for(std::size_t votes, double rate) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(static_cast<double>(votes) / rate));
}

}  // namespace

LoadGenerator::LoadGenerator(VoteClient& client, Clock& clock, Load load, Voter voter)
    : client_(client),
      clock_(clock),
      load_(load),
      voter_(std::move(voter)),
      next_cast_(clock.now()),
      next_group_(next_cast_) {}

absl::Status LoadGenerator::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const std::int64_t seen = changes();
    ASSIGN_OR_RETURN(const Next next, step());
    if (next.done) break;
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, next.wake, [&] { return changes_ != seen; });
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadGenerator::Next> LoadGenerator::step() {
  const SteadyTime now = clock_.now();
  if (all_cast()) {
    if (!give_up_) give_up_ = now + load_.patience;
    if (client_.pending() == 0 || now >= *give_up_) return Next{.done = true, .wake = now};
  }
  const std::size_t count = may_cast(now);
  if (count == 0) return Next{.wake = wake_at(now)};
  RETURN_IF_ERROR(cast(count, now));
  return Next{.wake = now};
}

std::size_t LoadGenerator::may_cast(SteadyTime now) const {
  const auto pending = static_cast<std::int64_t>(client_.pending());
  std::int64_t count = load_.in_flight - static_cast<std::int64_t>(client_.in_flight());
  count = std::min<std::int64_t>(count, VoteClient::kMaxBatchVotes);
  count = std::min(count, static_cast<std::int64_t>(VoteClient::kMaxPending) - pending);
  if (load_.votes) count = std::min(count, *load_.votes - cast_);
  if (load_.rate > 0) {
    if (now < std::max(next_cast_, next_group_)) return 0;
    const std::chrono::duration<double> behind =
        std::min<std::chrono::nanoseconds>(now - next_cast_, kMaxCatchUp);
    count = std::min(count, 1 + static_cast<std::int64_t>(behind.count() * load_.rate));
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
}

SteadyTime LoadGenerator::wake_at(SteadyTime now) const {
  SteadyTime wake = now + kIdlePause;
  if (give_up_) wake = std::min(wake, *give_up_);
  const SteadyTime next = std::max(next_cast_, next_group_);
  if (!all_cast() && next > now) wake = std::min(wake, next);
  return wake;
}

absl::Status LoadGenerator::cast(std::size_t count, SteadyTime now) {
  const std::int64_t timestamp_ms = unix_ms(clock_.wall_now());
  std::vector<SubmittedVote> votes;
  votes.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    votes.push_back(voter_(load_.election, load_.machine, timestamp_ms));
  RETURN_IF_ERROR(client_.cast(votes));
  cast_ += static_cast<std::int64_t>(count);
  if (load_.rate > 0) {
    next_cast_ = std::max(next_cast_, now - kMaxCatchUp) + time_for(count, load_.rate);
    next_group_ = now + kGroupPause;
  }
  return absl::OkStatus();
}

void LoadGenerator::timed_out(std::span<const std::string> /*uuids*/) { wake_up(); }
void LoadGenerator::answered(std::span<const Answer> /*answers*/) { wake_up(); }

void LoadGenerator::wake_up() {
  {
    const std::lock_guard lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

std::int64_t LoadGenerator::changes() {
  const std::lock_guard lock(mutex_);
  return changes_;
}

}  // namespace pollbus::voting_machine
