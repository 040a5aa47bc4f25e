#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "base/settings.h"
#include "election/keyed_hash.h"

namespace pollbus {

// A vote to store, with the receipt that stands for it.
struct Ballot {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t choice = 0;
  KeyedHash receipt{};
};

// Stores votes, each once. Not thread-safe: one instance a thread.
class BallotBox {
 public:
  static constexpr std::size_t kMaxBallotsPerBatch = 10'000;

  virtual ~BallotBox() = default;

  // Stores each ballot whose receipt is not known yet, all in one transaction, in an order that
  // tells nothing of the order here. OK: every ballot of the batch is stored, durably, now or
  // before. On error none or all of it was (the answer to a commit may be lost): repeat the call.
  // Of several ballots with one receipt the first counts. Errors are transient, FAILED_PRECONDITION
  // for a schema that is not ours, or INVALID_ARGUMENT for what no parsed vote gives.
  virtual absl::Status record(std::span<const Ballot> ballots) = 0;

  // Whether it answers and can be written.
  virtual absl::Status check() = 0;

  // Brings the schema to this version under an advisory lock. FAILED_PRECONDITION, saying what was
  // found and what to do, when the database holds a schema that is not ours or a newer one.
  virtual absl::Status migrate() = 0;
};

struct PostgresConfig {
  std::string host = "127.0.0.1";
  std::int64_t port = 5432;
  std::string database = "election";
  std::string user = "admin";
  Secret password;
  std::chrono::seconds connect_timeout{5};
  std::chrono::milliseconds statement_timeout{10'000};

  // POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB, POSTGRES_USER, POSTGRES_PASSWORD.
  void add_to(Settings& settings);
};

// In PostgreSQL, tables votes and receipts of sql/. Connects at the first call and again after any
// failure.
std::unique_ptr<BallotBox> make_postgres_ballot_box(PostgresConfig config);

}  // namespace pollbus
