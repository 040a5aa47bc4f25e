#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "election/election_state.h"
#include "election/results.h"
#include "stores/results_reader.h"

namespace pollbus::election_board {

// One line of an election's history.
struct HistoryEntry {
  Event event;
  Sha256 hash{};
};

// Everything that the board shows of one election.
struct ElectionView {
  ElectionState state;
  Phase phase = Phase::kDefined;  // at the time of the snapshot
  Results results;
  std::vector<HistoryEntry> history;
  std::vector<PublicCounts::MinuteCount> minutes;
  // Why the history cannot be trusted; the board shows no result then. Empty if all is well.
  std::string problem;
};

// What all viewers see until something changes. A later content has a higher number, on every
// replica of the board, because the number is PostgreSQL's time when the content was first read.
struct Snapshot {
  std::int64_t number = 0;
  std::map<std::int64_t, ElectionView> elections;
  // Elections of which not even the definition can be trusted, and why.
  std::map<std::int64_t, std::string> unverified;
  bool are_signatures_checked = false;
};

// Builds snapshots from what is read. Not thread-safe.
class SnapshotBuilder {
 public:
  // Without the office's key, events are shown without checking their signatures.
  explicit SnapshotBuilder(std::optional<OfficePublicKey> office) : office_(office) {}

  // For ResultsReader::read(): the last events that update() has seen.
  const std::map<std::int64_t, std::int64_t>& known() const { return known_; }

  // The snapshot after this reading; the same object as before if nothing has changed.
  std::shared_ptr<const Snapshot> update(const PublicCounts& counts);

 private:
  struct Election {
    std::optional<ElectionState> state;
    std::vector<HistoryEntry> history;
    std::string problem;  // with an event; those that follow are not looked at
    std::string missing;  // that events are missing, at the last reading
    std::int64_t changed_utc_ms = 0;

    const std::string& why_unverified() const { return problem.empty() ? missing : problem; }
  };

  void add(const PublicCounts::Stored& stored);
  absl::Status add(Election& election, const PublicCounts::Stored& stored);
  void look_for_missing_events(const PublicCounts& counts);
  ElectionView view(std::int64_t id, const Election& election, const PublicCounts& counts) const;

  const std::optional<OfficePublicKey> office_;
  std::map<std::int64_t, std::int64_t> known_;
  std::map<std::int64_t, Election> elections_;
  std::shared_ptr<const Snapshot> last_;
};

}  // namespace pollbus::election_board
