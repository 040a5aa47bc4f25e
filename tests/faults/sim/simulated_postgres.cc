#include "faults/sim/simulated_postgres.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pollbus::faults {
namespace {

using std::chrono::milliseconds;

// What a store loses in a crash if it answers before its disk has the data.
constexpr milliseconds kNotSynced{1'000};

}  // namespace

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
    absl::Status status = postgres_.network_.request(postgres_.server_, std::move(apply));
    if (!status.ok()) return status;
    return *outcomes;
  }
  absl::Status check() override { return absl::OkStatus(); }
  absl::StatusOr<ElectionCounts> counts() override { return ElectionCounts{}; }
  absl::Status migrate() override { return absl::OkStatus(); }

 private:
  SimulatedPostgres& postgres_;
};

class SimulatedPostgres::EventConnection final : public EventStore {
 public:
  explicit EventConnection(SimulatedPostgres& postgres) : postgres_(postgres) {}

  absl::StatusOr<std::vector<SignedEvent>> events(std::int64_t election,
                                                  std::int64_t from) override {
    return answer<std::vector<SignedEvent>>([election, from](SimulatedPostgres& postgres) {
      std::vector<SignedEvent> events;
      for (const NewEvent& event : postgres.events_[election]) {
        if (event.event.sequence >= from) events.push_back(event.signed_event);
      }
      return events;
    });
  }
  absl::StatusOr<std::vector<std::int64_t>> elections(
      const std::optional<std::string>& /*event*/) override {
    return answer<std::vector<std::int64_t>>([](SimulatedPostgres& postgres) {
      std::vector<std::int64_t> elections;
      for (const auto& [election, events] : postgres.events_) {
        if (!events.empty()) elections.push_back(election);
      }
      return elections;
    });
  }
  absl::StatusOr<ApplyOutcome> apply(const NewEvent& event) override {
    return answer<ApplyOutcome>(
        [event](SimulatedPostgres& postgres) { return postgres.apply(event); });
  }
  absl::StatusOr<StoredVotes> votes(std::int64_t election) override {
    return answer<StoredVotes>(
        [election](SimulatedPostgres& postgres) { return postgres.votes(election); });
  }
  absl::StatusOr<std::int64_t> now_utc_ms() override {
    return answer<std::int64_t>([](SimulatedPostgres& postgres) { return postgres.now_ms(); });
  }
  void stop_with(std::stop_token /*stop*/) override {}

 private:
  template <typename Answer>
  absl::StatusOr<Answer> answer(std::function<Answer(SimulatedPostgres&)> statement) {
    const auto answered = std::make_shared<Answer>();
    auto apply = [&postgres = postgres_, answered, statement](Extent extent) {
      if (extent == Extent::kAll) *answered = statement(postgres);  // otherwise it is rolled back
      return absl::OkStatus();
    };
    absl::Status status = postgres_.network_.request(postgres_.server_, std::move(apply));
    if (!status.ok()) return status;
    return std::move(*answered);
  }

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

std::unique_ptr<EventStore> SimulatedPostgres::connect_events() {
  return std::make_unique<EventConnection>(*this);
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
    const bool is_sealed =
        std::ranges::find(seals_, ballot.election, &Sealed::election) != seals_.end();
    if (is_sealed && !rows_.contains(ballot.receipt)) {
      outcomes.push_back(BallotOutcome::kSealed);
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

std::int64_t SimulatedPostgres::now_ms() const {
  return std::chrono::duration_cast<milliseconds>(world_.wall_now().time_since_epoch()).count();
}

std::vector<ChoiceCount> SimulatedPostgres::tally(std::int64_t election) const {
  std::map<std::int64_t, std::int64_t> counts;
  for (const auto& [receipt, row] : rows_) {
    if (row.ballot.election == election) ++counts[row.ballot.choice];
  }
  std::vector<ChoiceCount> tally;
  for (const auto& [choice, votes] : counts) tally.push_back({.voting = choice, .votes = votes});
  return tally;
}

StoredVotes SimulatedPostgres::votes(std::int64_t election) const {
  StoredVotes votes;
  std::map<std::int64_t, std::int64_t> by_machine;
  for (const auto& [receipt, row] : rows_) {
    if (row.ballot.election != election) continue;
    ++votes.rows;
    ++by_machine[row.ballot.machine];
  }
  for (const auto& [machine, count] : by_machine)
    votes.by_machine.push_back({.machine = machine, .votes = count});
  const auto found = events_.find(election);
  const bool shows_tally = found != events_.end() && !found->second.empty() &&
                           phase_at(found->second.back().state, now_ms()) >= Phase::kClosed;
  if (shows_tally) votes.tally = tally(election);
  return votes;
}

// Why the event cannot be stored; empty: it can.
std::string SimulatedPostgres::refusal(const Event& event) const {
  const std::int64_t stored = votes(event.election).rows;
  if (event.kind == EventKind::kDefine && stored > 0) return "the election has votes";
  if (event.kind == EventKind::kSeal && stored != *event.marks && !mutant_.postgres_seals_early)
    return fmt::format("{} votes are stored, and {} voters are marked", stored, *event.marks);
  if (event.kind != EventKind::kCertify) return {};
  std::vector<ChoiceCount> claimed = event.tally;
  std::erase_if(claimed, [](const ChoiceCount& count) { return count.votes == 0; });
  return claimed == tally(event.election) ? "" : "the tally differs from the stored votes";
}

ApplyOutcome SimulatedPostgres::apply(const NewEvent& event) {
  using enum ApplyOutcome::Kind;
  std::vector<NewEvent>& events = events_[event.event.election];
  const std::int64_t last = std::ssize(events);
  if (event.event.sequence <= last) return {.kind = kTaken};
  if (event.event.sequence != last + 1)
    return {.kind = kRefused, .reason = fmt::format("event {} is missing", last + 1)};
  if (std::string reason = refusal(event.event); !reason.empty())
    return {.kind = kRefused, .reason = std::move(reason)};
  events.push_back(event);
  if (event.event.kind == EventKind::kSeal) {
    seals_.push_back(
        {.election = event.event.election, .t_us = world_.now_us(), .votes = *event.event.marks});
  }
  for (const auto& [choice, votes] : event.event.tally) {
    told_.push_back({.election = event.event.election,
                     .by = "the certificate",
                     .choice = choice,
                     .votes = votes});
  }
  if (world_.is_traced()) {
    world_.trace(fmt::format("postgres: event {}, {}", last + 1, to_text(event.event.kind)));
  }
  return {.kind = kApplied};
}

void SimulatedPostgres::crash() {
  if (!mutant_.postgres_forgets) return;
  std::erase_if(rows_,
                [&](const auto& entry) { return entry.second.at + kNotSynced > world_.now(); });
}

void SimulatedPostgres::add_to(Evidence* evidence) const {
  evidence->seals.insert(evidence->seals.end(), seals_.begin(), seals_.end());
  evidence->told.insert(evidence->told.end(), told_.begin(), told_.end());
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
