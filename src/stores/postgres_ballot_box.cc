#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/status.h"
#include "election/vote.h"
#include "stores/ballot_box.h"
#include "stores/migrations.h"
#include "stores/postgres_connection.h"

namespace pollbus {
namespace {

// Any number that is the same in all versions of ours ("pollbus" in ASCII).
constexpr std::int64_t kMigrationLock = 0x706f6c6c627573;

// Receipts in their own order, so that recorders with overlapping batches wait for each other and
// never in a circle. Votes in random order under random ids: within a batch, the n-th row of one
// table has nothing to do with the n-th of the other.
constexpr const char* kRecord = R"sql(
WITH fresh AS (
  INSERT INTO receipts (receipt, electionid)
  SELECT receipt, electionid FROM unnest($1, $2) AS incoming (receipt, electionid)
  ORDER BY receipt
  ON CONFLICT DO NOTHING
  RETURNING receipt
)
INSERT INTO votes (id, electionid, machineid, voting)
SELECT gen_random_uuid(), electionid, machineid, voting
FROM unnest($1, $2, $3, $4) AS incoming (receipt, electionid, machineid, voting)
JOIN fresh USING (receipt)
ORDER BY random()
)sql";

constexpr const char* kFindSchema = R"sql(
SELECT (SELECT string_agg(attname::text, ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = to_regclass(name) AND attnum > 0 AND NOT attisdropped)
FROM unnest(ARRAY['schema_migrations', 'votes', 'receipts']) WITH ORDINALITY AS t (name, position)
ORDER BY position
)sql";

// By receipt, each once: of several with one receipt the first.
std::vector<Ballot> sorted_and_unique(std::span<const Ballot> ballots) {
  std::vector<Ballot> sorted(ballots.begin(), ballots.end());
  std::ranges::stable_sort(sorted, {}, &Ballot::receipt);
  const auto repeated = std::ranges::unique(sorted, {}, &Ballot::receipt);
  sorted.erase(repeated.begin(), repeated.end());
  return sorted;
}

std::vector<PostgresParameter> as_parameters(std::span<const Ballot> ballots) {
  using enum PostgresArray::Element;
  PostgresArray receipts(kBytea, ballots.size());
  PostgresArray elections(kBigint, ballots.size());
  PostgresArray machines(kBigint, ballots.size());
  PostgresArray choices(kInteger, ballots.size());
  for (const Ballot& ballot : ballots) {
    receipts.add_bytea(
        {reinterpret_cast<const char*>(ballot.receipt.data()), ballot.receipt.size()});
    elections.add_bigint(ballot.election);
    machines.add_bigint(ballot.machine);
    choices.add_integer(static_cast<std::int32_t>(ballot.choice));
  }
  return {receipts.take(), elections.take(), machines.take(), choices.take()};
}

absl::Status check_batch(std::span<const Ballot> ballots) {
  if (ballots.size() > BallotBox::kMaxBallotsPerBatch) {
    return absl::InvalidArgumentError(
        fmt::format("a batch holds at most {} ballots", BallotBox::kMaxBallotsPerBatch));
  }
  const auto fits = [](const Ballot& ballot) {
    return ballot.choice >= 0 && ballot.choice <= kMaxChoice;
  };
  if (!std::ranges::all_of(ballots, fits)) {
    return absl::InvalidArgumentError(fmt::format("voting must be from 0 to {}", kMaxChoice));
  }
  return absl::OkStatus();
}

absl::StatusOr<FoundSchema> find_schema(PostgresConnection& connection) {
  ASSIGN_OR_RETURN(const PostgresRows tables, connection.run(kFindSchema));
  FoundSchema found{.migration_columns = tables.text(0, 0),
                    .vote_columns = tables.text(1, 0),
                    .receipt_columns = tables.text(2, 0),
                    .applied = {}};
  if (!found.has_migration_table_of_ours()) return found;
  ASSIGN_OR_RETURN(
      const PostgresRows rows,
      connection.run("SELECT version, name, checksum FROM schema_migrations ORDER BY version"));
  for (int row = 0; row < rows.size(); ++row) {
    AppliedMigration applied{.version = 0,
                             .name = rows.text(row, 1).value_or(""),
                             .checksum = rows.text(row, 2).value_or("")};
    const std::string version = rows.text(row, 0).value_or("");
    std::from_chars(version.data(), version.data() + version.size(), applied.version);
    found.applied.push_back(std::move(applied));
  }
  return found;
}

// Names and checksums hold no quotes: see CMakeLists.txt and Migration::checksum().
absl::Status apply(PostgresConnection& connection, const Migration& migration) {
  RETURN_IF_ERROR(connection.run(std::string(migration.sql)).status());
  return connection
      .run(fmt::format("INSERT INTO schema_migrations VALUES ({}, '{}', '{}')", migration.version,
                       migration.name, migration.checksum()))
      .status();
}

absl::Status migrate_in_transaction(PostgresConnection& connection) {
  RETURN_IF_ERROR(
      connection.run(fmt::format("BEGIN; SELECT pg_advisory_xact_lock({})", kMigrationLock))
          .status());
  ASSIGN_OR_RETURN(const FoundSchema found, find_schema(connection));
  auto pending = pending_migrations(found, embedded_migrations());
  if (!pending.ok()) return annotate(pending.status(), connection.where());
  if (!found.migration_columns) {
    RETURN_IF_ERROR(connection
                        .run("CREATE TABLE schema_migrations (version integer PRIMARY KEY, "
                             "name text NOT NULL, checksum text NOT NULL)")
                        .status());
  }
  for (const Migration& migration : *pending) RETURN_IF_ERROR(apply(connection, migration));
  return connection.run("COMMIT").status();
}

class PostgresBallotBox final : public BallotBox {
 public:
  explicit PostgresBallotBox(PostgresConfig config) : config_(std::move(config)) {}

  absl::Status record(std::span<const Ballot> ballots) override {
    if (ballots.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(check_batch(ballots));
    const std::vector<PostgresParameter> parameters = as_parameters(sorted_and_unique(ballots));
    return connected([&](PostgresConnection& connection) {
      return connection.run(kRecord, parameters).status();
    });
  }

  absl::Status check() override {
    return connected([](PostgresConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const PostgresRows rows, connection.run("SHOW transaction_read_only"));
      if (rows.size() == 1 && rows.text(0, 0) == "off") return absl::OkStatus();
      return absl::UnavailableError(
          fmt::format("{} is read-only: is it a standby?", connection.where()));
    });
  }

  absl::Status migrate() override { return connected(migrate_in_transaction); }

 private:
  // Runs `use` in a session, and drops that after any failure, and with it what was not committed.
  template <typename Use>
  absl::Status connected(const Use& use) {
    if (!connection_) {
      ASSIGN_OR_RETURN(connection_, PostgresConnection::open(config_));
    }
    absl::Status status = use(*connection_);
    if (!status.ok()) connection_.reset();
    return status;
  }

  PostgresConfig config_;
  std::optional<PostgresConnection> connection_;
};

}  // namespace

std::unique_ptr<BallotBox> make_postgres_ballot_box(PostgresConfig config) {
  return std::make_unique<PostgresBallotBox>(std::move(config));
}

}  // namespace pollbus
