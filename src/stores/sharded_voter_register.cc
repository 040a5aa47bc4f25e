#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/status.h"
#include "stores/redis_servers.h"

namespace pollbus {
namespace {

// `opens` and `closes` take effect by the clock of each server.
constexpr std::chrono::milliseconds kMaxClockDifference{1'000};

class ShardedVoterRegister final : public VoterRegister {
 public:
  explicit ShardedVoterRegister(std::vector<std::unique_ptr<RedisVoterServer>> servers)
      : servers_(std::move(servers)), parts_(servers_.size()) {}

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    divide(marks);
    absl::Status status;
    std::vector<bool> is_sent(servers_.size());
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if (parts_[i].marks.empty()) continue;
      const absl::Status sent = servers_[i]->send(parts_[i].marks);
      is_sent[i] = sent.ok();
      status.Update(sent);
    }
    // Also if another server has failed, because a reply must not stay in a connection.
    std::vector<MarkOutcome> outcomes(marks.size());
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if (!is_sent[i]) continue;
      const auto received = servers_[i]->receive();
      status.Update(received.status());
      if (!received.ok()) continue;
      for (std::size_t mark = 0; mark < received->size(); ++mark)
        outcomes[parts_[i].positions[mark]] = (*received)[mark];
    }
    if (!status.ok()) return status;
    return outcomes;
  }

  absl::Status check() override {
    absl::Status status;
    for (const auto& server : servers_) status.Update(server->check());
    RETURN_IF_ERROR(status);
    RETURN_IF_ERROR(check_elections());
    return check_clocks();
  }

  absl::StatusOr<ElectionCounts> counts() override {
    ElectionCounts sum;
    for (const auto& server : servers_) {
      ASSIGN_OR_RETURN(const ElectionCounts counts, server->counts());
      for (const auto& [election, count] : counts.by_election) sum.by_election[election] += count;
      sum.missing += counts.missing;
    }
    return sum;
  }

 private:
  // The marks that one server makes, and where they stand in the batch.
  struct Part {
    std::vector<Mark> marks;
    std::vector<std::size_t> positions;
  };

  void divide(std::span<const Mark> marks) {
    for (Part& part : parts_) {
      part.marks.clear();
      part.positions.clear();
    }
    for (std::size_t i = 0; i < marks.size(); ++i) {
      Part& part = parts_[server_of(marks[i].election, marks[i].voter, servers_.size())];
      part.marks.push_back(marks[i]);
      part.positions.push_back(i);
    }
  }

  // A definition goes to the first server last (sharded_election_register.cc), which is asked
  // first.
  absl::Status check_elections() {
    ASSIGN_OR_RETURN(const std::int64_t first, servers_.front()->elections());
    for (std::size_t i = 1; i < servers_.size(); ++i) {
      ASSIGN_OR_RETURN(const std::int64_t elections, servers_[i]->elections());
      if (elections >= first) continue;
      return absl::FailedPreconditionError(fmt::format(
          "Redis server {} of {} knows {} elections, and the first one {}: it was emptied or "
          "restored from an older state, and its voters can vote again; stop the loggers and "
          "restore it (docs/deploy.md)",
          i + 1, servers_.size(), elections, first));
    }
    return absl::OkStatus();
  }

  // The servers are asked one after the other, so their answers may differ by the time that takes.
  absl::Status check_clocks() {
    const SteadyTime begun = std::chrono::steady_clock::now();
    std::optional<std::chrono::milliseconds> first;
    std::optional<std::chrono::milliseconds> last;
    for (const auto& server : servers_) {
      ASSIGN_OR_RETURN(const std::chrono::milliseconds now, server->now());
      first = std::min(first.value_or(now), now);
      last = std::max(last.value_or(now), now);
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    if (*last - *first <= kMaxClockDifference + took) return absl::OkStatus();
    return absl::UnavailableError(fmt::format(
        "the clocks of the Redis servers differ by {} ms, and {} ms are allowed: elections would "
        "open and close at different times for different voters; synchronize the clocks (NTP)",
        (*last - *first).count(), kMaxClockDifference.count()));
  }

  const std::vector<std::unique_ptr<RedisVoterServer>> servers_;
  std::vector<Part> parts_;  // of the last batch, by server
};

}  // namespace

std::unique_ptr<VoterRegister> make_sharded_voter_register(
    std::vector<std::unique_ptr<RedisVoterServer>> servers) {
  return std::make_unique<ShardedVoterRegister>(std::move(servers));
}

}  // namespace pollbus
