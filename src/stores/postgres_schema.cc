#include "stores/postgres_schema.h"

#include <fmt/format.h>

#include <chrono>
#include <string>

#include "base/logging.h"
#include "base/status.h"
#include "stores/migrations.h"

namespace pollbus {
namespace {

// Any number will do, as long as all versions use the same ("pollbus" in ASCII).
constexpr std::int64_t kMigrationLock = 0x706f6c6c627573;
// A migration may have to read every vote.
constexpr std::chrono::hours kMigrationTimeout{1};

constexpr const char* kFindSchema = R"sql(
SELECT (SELECT string_agg(attname::text, ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = to_regclass(name) AND attnum > 0 AND NOT attisdropped)
FROM unnest(ARRAY['schema_migrations', 'votes', 'receipts']) WITH ORDINALITY AS t (name, position)
ORDER BY position
)sql";

// Whether the user may create tables and change those of the recorder.
constexpr const char* kMayMigrate = R"sql(
SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
  AND coalesce((SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('votes')), true)
)sql";

constexpr const char* kMissingRoles = R"sql(
SELECT name FROM unnest(ARRAY['pollbus_recorder', 'pollbus_results']) AS name
WHERE to_regrole(name) IS NULL
)sql";

constexpr std::string_view kHowToMigrate =
    "run voting-recorder --migrate as the owner of the database";

absl::StatusOr<std::vector<AppliedMigration>> applied_migrations(PostgresConnection& connection,
                                                                 const std::string& source) {
  ASSIGN_OR_RETURN(const PostgresRows rows,
                   connection.run(fmt::format(
                       "SELECT version, name, checksum FROM {} ORDER BY version", source)));
  std::vector<AppliedMigration> all;
  for (int row = 0; row < rows.size(); ++row) {
    all.push_back({.version = static_cast<int>(rows.number(row, 0)),
                   .name = rows.text(row, 1).value_or(""),
                   .checksum = rows.text(row, 2).value_or("")});
  }
  return all;
}

absl::StatusOr<FoundSchema> find_schema(PostgresConnection& connection) {
  ASSIGN_OR_RETURN(const PostgresRows tables, connection.run(kFindSchema));
  FoundSchema found{.migration_columns = tables.text(0, 0),
                    .vote_columns = tables.text(1, 0),
                    .receipt_columns = tables.text(2, 0),
                    .has_receipts = false,
                    .applied = {}};
  if (!found.has_migration_table_of_ours()) return found;
  if (found.receipt_columns) {
    ASSIGN_OR_RETURN(const PostgresRows any, connection.run("SELECT FROM receipts LIMIT 1"));
    found.has_receipts = any.size() > 0;
  }
  ASSIGN_OR_RETURN(found.applied, applied_migrations(connection, "schema_migrations"));
  return found;
}

// Names and checksums contain no quotes: see CMakeLists.txt and Migration::checksum().
absl::Status apply(PostgresConnection& connection, const Migration& migration) {
  RETURN_IF_ERROR(connection.run(std::string(migration.sql)).status());
  return connection
      .run(fmt::format("INSERT INTO schema_migrations VALUES ({}, '{}', '{}')", migration.version,
                       migration.name, migration.checksum()))
      .status();
}

absl::Status migrate(PostgresConnection& connection) {
  RETURN_IF_ERROR(
      connection.run(fmt::format("BEGIN; SELECT pg_advisory_xact_lock({})", kMigrationLock))
          .status());
  ASSIGN_OR_RETURN(const FoundSchema found, find_schema(connection));
  auto pending = pending_migrations(found, embedded_migrations());
  if (!pending.ok()) return annotate(pending.status(), connection.where());
  if (pending->empty()) return connection.run("COMMIT").status();
  const std::chrono::milliseconds timeout = connection.statement_timeout();
  RETURN_IF_ERROR(connection.set_statement_timeout(kMigrationTimeout));
  if (!found.migration_columns) {
    RETURN_IF_ERROR(connection
                        .run("CREATE TABLE schema_migrations (version integer PRIMARY KEY, "
                             "name text NOT NULL, checksum text NOT NULL)")
                        .status());
  }
  for (const Migration& migration : *pending) RETURN_IF_ERROR(apply(connection, migration));
  RETURN_IF_ERROR(connection.run(std::string(embedded_grants())).status());
  RETURN_IF_ERROR(connection.run("COMMIT").status());
  return connection.set_statement_timeout(timeout);
}

// For a user that may only call functions.
absl::Status check_version(PostgresConnection& connection) {
  ASSIGN_OR_RETURN(const PostgresRows function,
                   connection.run("SELECT to_regprocedure('applied_migrations()') IS NOT NULL"));
  if (function.text(0, 0) != "t") {
    return absl::UnavailableError(
        fmt::format("{} has no tables of the recorder: {}", connection.where(), kHowToMigrate));
  }
  FoundSchema found{.migration_columns = std::string(kMigrationColumns),
                    .vote_columns = "",
                    .receipt_columns = "",
                    .has_receipts = false,
                    .applied = {}};
  ASSIGN_OR_RETURN(found.applied, applied_migrations(connection, "applied_migrations()"));
  const auto pending = pending_migrations(found, embedded_migrations());
  if (!pending.ok()) return annotate(pending.status(), connection.where());
  if (pending->empty()) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("{} is at version {} of the schema and this recorder needs version {}: {}",
                  connection.where(), found.applied.size(), embedded_migrations().back().version,
                  kHowToMigrate));
}

absl::StatusOr<bool> may_migrate(PostgresConnection& connection) {
  ASSIGN_OR_RETURN(const PostgresRows answer, connection.run(kMayMigrate));
  return answer.text(0, 0) == "t";
}

}  // namespace

absl::Status migrate_or_check(PostgresConnection& connection) {
  ASSIGN_OR_RETURN(const bool may, may_migrate(connection));
  return may ? migrate(connection) : check_version(connection);
}

absl::Status migrate_postgres(const PostgresConfig& config) {
  ASSIGN_OR_RETURN(PostgresConnection connection, PostgresConnection::open(config));
  ASSIGN_OR_RETURN(const bool may, may_migrate(connection));
  if (!may) {
    return absl::FailedPreconditionError(
        fmt::format("{}: {} may not create tables in the database {}, or does not own the tables "
                    "that are there: {}",
                    connection.where(), config.user, config.database, kHowToMigrate));
  }
  RETURN_IF_ERROR(migrate(connection));
  // Also if nothing was migrated, for roles that were created in the meantime.
  RETURN_IF_ERROR(connection.run(std::string(embedded_grants())).status());
  ASSIGN_OR_RETURN(const PostgresRows missing, connection.run(kMissingRoles));
  for (int row = 0; row < missing.size(); ++row) {
    log_warning("a role does not exist and got no rights",
                {{"role", missing.text(row, 0).value_or("")},
                 {"advice", "run scripts/postgres-roles, and then this again"}});
  }
  log_info("the database is up to date",
           {{"where", connection.where()}, {"version", embedded_migrations().back().version}});
  return absl::OkStatus();
}

}  // namespace pollbus
