#include "election_board/snapshot.h"

#include <fmt/format.h>

#include <utility>

#include "base/status.h"

namespace pollbus::election_board {
namespace {

template <typename Map>
typename Map::mapped_type find_or_empty(const Map& map, std::int64_t key) {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type() : found->second;
}

// Whether a viewer would see the same.
bool is_same(const ElectionView& a, const ElectionView& b) {
  const auto votes = [](const ElectionView& view) {
    std::vector<std::int64_t> all;
    if (!view.results.tally) return all;
    for (const ChoiceResult& choice : view.results.tally->choices) all.push_back(choice.votes);
    all.push_back(view.results.tally->rejected);
    return all;
  };
  return a.phase == b.phase && a.state.sequence == b.state.sequence && a.problem == b.problem &&
         a.results.turnout.by_machine == b.results.turnout.by_machine &&
         a.results.tally.has_value() == b.results.tally.has_value() && votes(a) == votes(b) &&
         a.minutes == b.minutes;
}

}  // namespace

std::shared_ptr<const Snapshot> SnapshotBuilder::update(const PublicCounts& counts) {
  for (const PublicCounts::Stored& stored : counts.events) add(stored);
  look_for_missing_events(counts);
  auto next = std::make_shared<Snapshot>();
  next->number = counts.now_utc_ms;
  next->are_signatures_checked = office_.has_value();
  bool is_changed = last_ == nullptr;
  for (auto& [id, election] : elections_) {
    if (!election.state) {
      next->unverified.emplace(id, election.why_unverified());
      continue;
    }
    ElectionView now = view(id, election, counts);
    const auto before =
        last_ ? last_->elections.find(id) : std::map<std::int64_t, ElectionView>::const_iterator();
    if (last_ == nullptr || before == last_->elections.end() || !is_same(before->second, now)) {
      is_changed = true;
      election.changed_utc_ms = counts.now_utc_ms;
      now = view(id, election, counts);
    }
    next->elections.emplace(id, std::move(now));
  }
  if (is_changed || next->unverified != last_->unverified) last_ = std::move(next);
  return last_;
}

void SnapshotBuilder::add(const PublicCounts::Stored& stored) {
  ++known_[stored.election];
  Election& election = elections_[stored.election];
  if (!election.problem.empty()) return;
  if (const absl::Status status = add(election, stored); !status.ok())
    election.problem = std::string(status.message());
}

absl::Status SnapshotBuilder::add(Election& election, const PublicCounts::Stored& stored) {
  const SignedEvent& signed_event = stored.event;
  if (office_ && !office_->verifies(signed_event.data, signed_event.signature))
    return absl::UnauthenticatedError("the signature of an event is not the election office's");
  ASSIGN_OR_RETURN(Event event, parse_event(signed_event.data));
  if (event.election != stored.election)
    return absl::FailedPreconditionError(
        fmt::format("an event belongs to election {}", event.election));
  const Sha256 hash = sha256(signed_event.data);
  ASSIGN_OR_RETURN(election.state, apply_event(election.state, event, hash));
  event.definition.reset();  // the state has it
  election.history.push_back({.event = std::move(event), .hash = hash});
  return absl::OkStatus();
}

// A history that is incomplete, as while a backup is being restored, may be completed.
void SnapshotBuilder::look_for_missing_events(const PublicCounts& counts) {
  for (const auto& [id, sequence] : counts.sequences) {
    Election& election = elections_[id];
    election.missing =
        known_[id] == sequence
            ? ""
            : fmt::format("{} events were read, and there must be {}", known_[id], sequence);
  }
}

ElectionView SnapshotBuilder::view(std::int64_t id, const Election& election,
                                   const PublicCounts& counts) const {
  ElectionView view{.state = *election.state,
                    .phase = phase_at(*election.state, counts.now_utc_ms),
                    .history = election.history,
                    .minutes = find_or_empty(counts.by_minute, id),
                    .problem = election.why_unverified()};
  const bool is_final = view.phase == Phase::kSealed || view.phase == Phase::kCertified;
  ResultsInput input{
      .definition = view.state.definition,
      .phase = view.phase,
      .votes_by_machine = find_or_empty(counts.by_machine, id),
      .marks = view.state.marks,
      .as_of_utc_ms = is_final ? election.history.back().event.time_ms : election.changed_utc_ms,
      .sequence = view.state.sequence,
      .last = view.state.last};
  if (view.state.roll) input.roll = view.state.voters();
  if (view.problem.empty()) input.votes_by_choice = find_or_empty(counts.by_choice, id);
  view.results = make_results(input);
  return view;
}

}  // namespace pollbus::election_board
