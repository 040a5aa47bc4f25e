#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "election/event.h"
#include "stores/ballot_box.h"

namespace pollbus {

// What PostgreSQL shows to everybody, at one moment.
struct PublicCounts {
  struct Stored {
    std::int64_t election = 0;
    SignedEvent event;
  };
  struct MinuteCount {
    std::int64_t minute_utc_ms = 0;
    std::int64_t votes = 0;
    bool operator==(const MinuteCount&) const = default;
  };
  using Counts = std::map<std::int64_t, std::int64_t>;

  std::int64_t now_utc_ms = 0;  // PostgreSQL's clock, the same for all replicas of a board
  std::vector<Stored> events;   // those not read before, each election's in order
  std::map<std::int64_t, std::int64_t> sequences;  // of the last event of each defined election
  // By election; an election without votes has no entry.
  std::map<std::int64_t, Counts> by_machine;
  std::map<std::int64_t, Counts> by_choice;  // only of elections whose tally may be seen
  std::map<std::int64_t, std::vector<MinuteCount>> by_minute;
};

// Reads the views of sql/ that the role pollbus_results may read. Never writes. Not thread-safe:
// use one instance per thread. Errors as for BallotBox.
class ResultsReader {
 public:
  virtual ~ResultsReader() = default;

  // `known` holds the sequence number of the last event read of each election. Only defined
  // elections have counts. One transaction, so that all counts belong together.
  virtual absl::StatusOr<PublicCounts> read(const std::map<std::int64_t, std::int64_t>& known) = 0;

  // The elections that have a receipt with these first bytes.
  virtual absl::StatusOr<std::vector<std::int64_t>> find_receipts(std::string_view prefix) = 0;
};

// Connects at the first call and again after any failure.
std::unique_ptr<ResultsReader> make_postgres_results_reader(PostgresConfig config);

}  // namespace pollbus
