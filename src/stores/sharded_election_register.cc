#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/status.h"
#include "stores/redis_servers.h"

namespace pollbus {
namespace {

// All servers hold all events. An event goes to the first server last, so that whoever finds an
// event there knows that it has taken effect everywhere.
class ShardedElectionRegister final : public ElectionRegister {
 public:
  explicit ShardedElectionRegister(std::vector<std::unique_ptr<RedisElectionServer>> servers)
      : servers_(std::move(servers)) {}

  // The first server is read before the others: if it says that the election is closed, the others
  // make no more marks when they are asked for their number.
  absl::StatusOr<ElectionSnapshot> read(std::int64_t election, std::int64_t known) override {
    ASSIGN_OR_RETURN(ElectionSnapshot all, servers_.front()->read(election, known));
    for (std::size_t i = 1; i < servers_.size(); ++i) {
      ASSIGN_OR_RETURN(const ElectionSnapshot part, servers_[i]->read(election, known));
      RETURN_IF_ERROR(check_history(election, all, part));
      all.marks += part.marks;
      // Open or closed only if it is so on every server.
      all.now_ms = std::min(all.now_ms, part.now_ms);
    }
    return all;
  }

  absl::StatusOr<std::vector<std::int64_t>> elections() override {
    return servers_.front()->elections();
  }

  // May have ended between two servers before. The repetition finds the event on some and appends
  // it to the others.
  absl::StatusOr<AppendOutcome> append(const SignedEvent& event, const Event& parsed,
                                       const ElectionState& after) override {
    ASSIGN_OR_RETURN(const Appended appended, append_to_all(event, parsed, after));
    if (!appended.other) return appended.outcome;
    RETURN_IF_ERROR(complete(parsed.election, *appended.other));
    return AppendOutcome::kOvertaken;
  }

  absl::StatusOr<StageOutcome> stage(const wire::RollChunk& chunk) override {
    std::vector<wire::RollChunk> parts = divide(chunk);
    const Sha256 hash = sha256(wire::chunk_bytes(chunk));
    StageOutcome all = StageOutcome::kStagedBefore;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      ASSIGN_OR_RETURN(const StageOutcome outcome, servers_[i]->stage_part(parts[i], hash));
      if (outcome == StageOutcome::kDiffers) return outcome;
      if (outcome == StageOutcome::kStaged) all = outcome;
    }
    return all;
  }

  // A chunk has arrived when all servers have it.
  absl::StatusOr<StagedRoll> staged(std::int64_t election, const Sha256& roll) override {
    ASSIGN_OR_RETURN(StagedRoll all, servers_.front()->staged(election, roll));
    for (std::size_t i = 1; i < servers_.size(); ++i) {
      ASSIGN_OR_RETURN(const StagedRoll part, servers_[i]->staged(election, roll));
      std::erase_if(all.chunk_hashes, [&](const auto& chunk) {
        const auto found = part.chunk_hashes.find(chunk.first);
        return found == part.chunk_hashes.end() || found->second != chunk.second;
      });
    }
    return all;
  }

  // All servers keep the voter, because the event does not say whom it adds. The answer is that of
  // the server that has the voter's part of the roll.
  absl::StatusOr<NewVoterOutcome> keep(const wire::NewVoter& voter,
                                       const ElectionState& state) override {
    const std::size_t owner = server_of(voter.election, voter.entry.voter, servers_.size());
    NewVoterOutcome answer = NewVoterOutcome::kKept;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      ASSIGN_OR_RETURN(const NewVoterOutcome outcome, servers_[i]->keep(voter, state));
      if (i == owner) answer = outcome;
    }
    return answer;
  }

  absl::Status remove_staged(std::int64_t election, const std::optional<Sha256>& keep) override {
    for (const auto& server : servers_) RETURN_IF_ERROR(server->remove_staged(election, keep));
    return absl::OkStatus();
  }

 private:
  struct Appended {
    AppendOutcome outcome = AppendOutcome::kAppended;
    // An event that a server has in this place of the history, and the first server does not.
    std::optional<SignedEvent> other;
  };

  // `part` was read after `first`, and may have got the next event earlier.
  static absl::Status check_history(std::int64_t election, const ElectionSnapshot& first,
                                    const ElectionSnapshot& part) {
    const auto same = [](const SignedEvent& a, const SignedEvent& b) { return a.data == b.data; };
    const bool is_as_long = part.sequence == first.sequence || part.sequence == first.sequence + 1;
    const bool agrees =
        is_as_long && part.events.size() >= first.events.size() &&
        std::equal(first.events.begin(), first.events.end(), part.events.begin(), same) &&
        (part.sequence != first.sequence || part.last == first.last);
    if (agrees) return absl::OkStatus();
    return absl::FailedPreconditionError(fmt::format(
        "the Redis servers have different histories of election {}: one of them was emptied or "
        "restored from an older state; stop the loggers and restore it (docs/scale.md)",
        election));
  }

  absl::StatusOr<Appended> append_to_all(const SignedEvent& event, const Event& parsed,
                                         const ElectionState& after) {
    std::vector<std::int64_t> roll_voters(servers_.size());
    if (parsed.kind == EventKind::kRoll && after.definition.needs_roll()) {
      ASSIGN_OR_RETURN(roll_voters, parts_of_roll(parsed.election, *after.roll));
      const auto sum = std::accumulate(roll_voters.begin(), roll_voters.end(), std::int64_t{0});
      if (sum != after.roll->count) return Appended{AppendOutcome::kRollIncomplete, {}};
    }
    for (std::size_t n = 1; n <= servers_.size(); ++n) {
      const std::size_t i = n % servers_.size();  // the first one last
      ASSIGN_OR_RETURN(const AppendOutcome outcome,
                       servers_[i]->append_part(event, parsed, after, roll_voters[i]));
      if (outcome == AppendOutcome::kAppended) continue;
      if (outcome != AppendOutcome::kOvertaken || i == 0) return Appended{outcome, {}};
      ASSIGN_OR_RETURN(SignedEvent there, event_on(*servers_[i], parsed));
      if (there.data != event.data) return Appended{AppendOutcome::kOvertaken, std::move(there)};
    }
    return Appended{};
  }

  absl::StatusOr<std::vector<std::int64_t>> parts_of_roll(std::int64_t election,
                                                          const RollSummary& roll) {
    std::vector<std::int64_t> parts;
    for (const auto& server : servers_) {
      ASSIGN_OR_RETURN(const std::int64_t voters, server->count_part(election, roll));
      parts.push_back(voters);
    }
    return parts;
  }

  // The event that the server has in the place of this one.
  static absl::StatusOr<SignedEvent> event_on(RedisElectionServer& server, const Event& event) {
    ASSIGN_OR_RETURN(ElectionSnapshot rest, server.read(event.election, event.sequence - 1));
    if (!rest.events.empty()) return std::move(rest.events.front());
    return absl::FailedPreconditionError(
        fmt::format("a Redis server lacks events of election {} that the first server has: it was "
                    "emptied or restored from an older state; stop the loggers and restore it "
                    "(docs/scale.md)",
                    event.election));
  }

  // Appends an event that has not reached the first server, because the logger that was appending
  // it was stopped, or has not finished.
  absl::Status complete(std::int64_t election, const SignedEvent& event) {
    ASSIGN_OR_RETURN(const ElectionSnapshot history, servers_.front()->read(election, 0));
    std::optional<ElectionState> state;
    for (const SignedEvent& earlier : history.events) {
      ASSIGN_OR_RETURN(state, apply_event(state, earlier.data));
    }
    ASSIGN_OR_RETURN(const Event parsed, parse_event(event.data));
    const auto after = apply_event(state, event.data);
    if (!after.ok()) return absl::OkStatus();  // it has been completed meanwhile
    return append_to_all(event, parsed, *after).status();
  }

  std::vector<wire::RollChunk> divide(const wire::RollChunk& chunk) const {
    wire::RollChunk empty = chunk;
    empty.voters.clear();
    std::vector<wire::RollChunk> parts(servers_.size(), empty);
    for (const RollEntry& voter : chunk.voters)
      parts[server_of(chunk.election, voter.voter, servers_.size())].voters.push_back(voter);
    return parts;
  }

  const std::vector<std::unique_ptr<RedisElectionServer>> servers_;
};

}  // namespace

std::unique_ptr<ElectionRegister> make_sharded_election_register(
    std::vector<std::unique_ptr<RedisElectionServer>> servers) {
  return std::make_unique<ShardedElectionRegister>(std::move(servers));
}

}  // namespace pollbus
