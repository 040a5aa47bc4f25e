#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pollbus {

// One file of sql/. Once released, a file never changes; changes come in further files.
struct Migration {
  int version = 0;
  std::string_view name;
  std::string_view sql;

  // A hash of the text in hexadecimal digits.
  std::string checksum() const;
};

// All files of sql/ at build time, by version.
std::span<const Migration> embedded_migrations();

// sql/grants.sql: what the roles may do. To be run after every migration.
std::string_view embedded_grants();

// A row of schema_migrations.
struct AppliedMigration {
  int version = 0;
  std::string name;
  std::string checksum;
};

// The columns of schema_migrations.
inline constexpr std::string_view kMigrationColumns = "version, name, checksum";

// What a database holds of the recorder's tables. A table's columns are joined with ", "; nothing
// if the table does not exist.
struct FoundSchema {
  std::optional<std::string> migration_columns;
  std::optional<std::string> vote_columns;
  std::optional<std::string> receipt_columns;
  bool has_receipts = false;
  // By version. Empty if schema_migrations does not exist or belongs to another program.
  std::vector<AppliedMigration> applied;

  bool has_migration_table_of_ours() const;
};

// The last version whose receipts had a key. Such receipts mean nothing to later versions.
inline constexpr int kLastVersionWithKeyedReceipts = 1;

// Returns the migrations of `ours` that are still to be applied. FAILED_PRECONDITION, with what was
// found and what to do, if `ours` cannot continue from `found`.
absl::StatusOr<std::span<const Migration>> pending_migrations(const FoundSchema& found,
                                                              std::span<const Migration> ours);

}  // namespace pollbus
