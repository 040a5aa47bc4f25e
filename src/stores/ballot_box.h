#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/settings.h"
#include "election/hash.h"
#include "election/vote.h"
#include "stores/election_counts.h"

namespace pollbus {

// A vote to store. The UUID stays outside the ballot box; two hashes stand for it (see receipt.h).
struct Ballot {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t choice = 0;
  Hash128 receipt{};
  Hash128 content{};
};

Ballot ballot_of(const AnonymousVote& vote);

enum class BallotOutcome {
  kRecorded,       // stored now
  kRecordedAgain,  // this vote was stored before
  kOtherVote,      // a vote with this receipt and other content was stored before
  kRefused,        // the database does not accept this vote; it is not stored
  kSealed,         // the election is sealed; the vote is not stored
  kDelayed,        // the database stores others, but fails with this vote: record it again later
};

// Stores votes, each once. Not thread-safe: use one instance per thread.
// Errors concern the ballot box as a whole: UNAVAILABLE and DEADLINE_EXCEEDED are transient,
// FAILED_PRECONDITION needs an operator. Either way no vote was refused: repeat the call. If it
// then turns out that the trouble concerns some of the ballots only, the call succeeds, and these
// have the outcome kDelayed.
class BallotBox {
 public:
  virtual ~BallotBox() = default;

  // Stores each ballot whose receipt is not known yet, all in one transaction, in an order that
  // reveals nothing about the order here. Returns one outcome for each ballot, in order; of several
  // ballots with one receipt the first counts. What is stored is durable when this returns OK.
  // After an error some may be stored, because the answer to a commit can get lost.
  virtual absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) = 0;

  // Whether the ballot box answers and can be written.
  virtual absl::Status check() = 0;

  // The number of stored votes of each election.
  virtual absl::StatusOr<ElectionCounts> counts() = 0;

  // Brings the schema to this version under an advisory lock, if the user may create tables;
  // otherwise UNAVAILABLE until the owner of the database has done it (migrate_postgres).
  // FAILED_PRECONDITION, with what was found and what to do, if the database holds tables of
  // another program, receipts of an earlier version, or a newer schema.
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
  // As libpq understands them (https://www.postgresql.org/docs/15/libpq-ssl.html). Without
  // ssl_mode: verify-full if there is a file of authorities, otherwise prefer.
  std::string ssl_mode;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;

  // POSTGRES_HOST, POSTGRES_PORT, POSTGRES_DB, POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_SSLMODE,
  // POSTGRES_CA_FILE, POSTGRES_CERT_FILE, POSTGRES_KEY_FILE.
  void add_to(Settings& settings);
};

// In PostgreSQL, in the tables of sql/. Connects at the first call and again after any failure.
std::unique_ptr<BallotBox> make_postgres_ballot_box(PostgresConfig config);

// voting-recorder --migrate: brings the schema to this version and grants the roles
// pollbus_recorder and pollbus_results their rights, as far as they exist. Errors as
// BallotBox::migrate(), and FAILED_PRECONDITION if the user may not do it.
absl::Status migrate_postgres(const PostgresConfig& config);

}  // namespace pollbus
