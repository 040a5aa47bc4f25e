#include "faults/sim/simulated_stores.h"

#include <fmt/format.h>

#include <cmath>

namespace pollbus::faults {
namespace {

using std::chrono::milliseconds;

// What a store loses in a crash if it answers before its disk has the data.
constexpr milliseconds kNotSynced{1'000};

const char* name_of(MarkOutcome outcome) {
  switch (outcome) {
    case MarkOutcome::kMarked:
      return "is marked";
    case MarkOutcome::kSameVoteAgain:
      return "was marked by this very vote";
    case MarkOutcome::kOtherVote:
      return "was marked by another vote";
    case MarkOutcome::kRefused:
      return "cannot be marked";
    case MarkOutcome::kNotOpen:
    case MarkOutcome::kPaused:
    case MarkOutcome::kClosed:
    case MarkOutcome::kNotDefined:
    case MarkOutcome::kNotOnRoll:
    case MarkOutcome::kWrongCode:
    case MarkOutcome::kNoSuchChoice:
      return "may not vote";
  }
  return "";
}

}  // namespace

class SimulatedRedis::Connection final : public VoterRegister {
 public:
  explicit Connection(SimulatedRedis& redis) : redis_(redis) {}

  absl::StatusOr<std::vector<MarkOutcome>> mark(std::span<const Mark> marks) override {
    const auto outcomes = std::make_shared<std::vector<MarkOutcome>>();
    auto apply = [&redis = redis_, outcomes,
                  all = std::vector<Mark>(marks.begin(), marks.end())](Extent extent) {
      // If the connection breaks, the first commands of the pipeline are applied.
      const std::size_t count =
          extent == Extent::kAll ? all.size() : redis.world_.random().below(all.size() + 1);
      for (std::size_t i = 0; i < count; ++i) outcomes->push_back(redis.mark(all[i]));
      return absl::OkStatus();
    };
    const absl::Status status = redis_.network_.request(redis_.server_, std::move(apply));
    if (!status.ok()) return status;
    return *outcomes;
  }
  absl::Status check() override { return absl::OkStatus(); }
  absl::StatusOr<ElectionCounts> counts() override { return ElectionCounts{}; }

 private:
  SimulatedRedis& redis_;
};

SimulatedRedis::SimulatedRedis(World& world, const Profile& profile, Network& network,
                               const Mutant& mutant)
    : world_(world), profile_(profile), network_(network), mutant_(mutant) {
  server_.on_crash = [this] { crash(); };
}

std::unique_ptr<VoterRegister> SimulatedRedis::connect() {
  return std::make_unique<Connection>(*this);
}

bool SimulatedRedis::refuses(std::int64_t voter) const {
  constexpr double kSpread = 0.6180339887;  // of the golden ratio: spreads small numbers evenly
  return std::fmod(static_cast<double>(voter + 1) * kSpread, 1) < profile_.refused_voters;
}

MarkOutcome SimulatedRedis::mark(const Mark& mark) {
  if (refuses(mark.voter)) return MarkOutcome::kRefused;
  const Entry entry{.fingerprint = mark.fingerprint, .at = world_.now()};
  const auto [found, is_new] = marks_.try_emplace({mark.election, mark.voter}, entry);
  MarkOutcome outcome = MarkOutcome::kMarked;
  if (!is_new) {
    outcome = found->second.fingerprint == mark.fingerprint ? MarkOutcome::kSameVoteAgain
                                                            : MarkOutcome::kOtherVote;
    if (mutant_.redis_overwrites) found->second = entry;
  }
  if (world_.is_traced())
    world_.trace(fmt::format("redis: voter {} {}", mark.voter, name_of(outcome)));
  return outcome;
}

void SimulatedRedis::crash() {
  if (!mutant_.redis_forgets) return;
  std::erase_if(marks_,
                [&](const auto& entry) { return entry.second.at + kNotSynced > world_.now(); });
}

void SimulatedRedis::add_to(Evidence* evidence) const {
  for (const auto& [voter, entry] : marks_) {
    evidence->marks.push_back(
        {.election = voter.first, .voter = voter.second, .fingerprint = entry.fingerprint});
  }
}

class SimulatedPostgres::Connection final : public BallotBox {
 public:
  explicit Connection(SimulatedPostgres& postgres) : postgres_(postgres) {}

  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    const auto outcomes = std::make_shared<std::vector<BallotOutcome>>();
    auto apply = [&postgres = postgres_, outcomes,
                  all = std::vector<Ballot>(ballots.begin(), ballots.end())](Extent extent) {
      if (extent == Extent::kAll) *outcomes = postgres.record(all);  // otherwise it is rolled back
      return absl::OkStatus();
    };
    const absl::Status status = postgres_.network_.request(postgres_.server_, std::move(apply));
    if (!status.ok()) return status;
    return *outcomes;
  }
  absl::Status check() override { return absl::OkStatus(); }
  absl::StatusOr<ElectionCounts> counts() override { return ElectionCounts{}; }
  absl::Status migrate() override { return absl::OkStatus(); }

 private:
  SimulatedPostgres& postgres_;
};

SimulatedPostgres::SimulatedPostgres(World& world, const Profile& profile, Network& network,
                                     const Mutant& mutant)
    : world_(world), profile_(profile), network_(network), mutant_(mutant) {
  server_.on_crash = [this] { crash(); };
}

std::unique_ptr<BallotBox> SimulatedPostgres::connect() {
  return std::make_unique<Connection>(*this);
}

bool SimulatedPostgres::refuses(const Hash128& receipt) const {
  return receipt.front() < 256 * profile_.refused_receipts;
}

std::vector<BallotOutcome> SimulatedPostgres::record(std::span<const Ballot> ballots) {
  std::vector<BallotOutcome> outcomes;
  for (const Ballot& ballot : ballots) {
    if (refuses(ballot.receipt)) {
      outcomes.push_back(BallotOutcome::kRefused);
      continue;
    }
    const Row row{.ballot = ballot, .at = world_.now()};
    const auto [found, is_new] = rows_.try_emplace(ballot.receipt, row);
    const bool is_same = found->second.ballot.content == ballot.content;
    outcomes.push_back(is_new    ? BallotOutcome::kRecorded
                       : is_same ? BallotOutcome::kRecordedAgain
                                 : BallotOutcome::kOtherVote);
    if (!is_new && mutant_.postgres_stores_again) repeated_.push_back(row);
    if (world_.is_traced()) {
      world_.trace(fmt::format("postgres: a vote of machine {} {}", ballot.machine,
                               is_new ? "is stored" : "was stored before"));
    }
  }
  return outcomes;
}

void SimulatedPostgres::crash() {
  if (!mutant_.postgres_forgets) return;
  std::erase_if(rows_,
                [&](const auto& entry) { return entry.second.at + kNotSynced > world_.now(); });
}

void SimulatedPostgres::add_to(Evidence* evidence) const {
  for (const Row& row : repeated_) {
    evidence->rows.push_back({.election = row.ballot.election,
                              .machine = row.ballot.machine,
                              .choice = row.ballot.choice,
                              .count = 1});
  }
  for (const auto& [receipt, row] : rows_) {
    const auto t_us =
        std::chrono::duration_cast<std::chrono::microseconds>(row.at.time_since_epoch());
    evidence->rows.push_back({.election = row.ballot.election,
                              .machine = row.ballot.machine,
                              .choice = row.ballot.choice,
                              .count = 1});
    evidence->receipts.push_back(
        {.election = row.ballot.election, .receipt = receipt, .t_us = t_us.count()});
  }
}

}  // namespace pollbus::faults
