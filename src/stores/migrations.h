#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pollbus {

// One file of sql/: never changed once released, only followed by others.
struct Migration {
  int version = 0;
  std::string_view name;
  std::string_view sql;

  // Of the text, in hexadecimal.
  std::string checksum() const;
};

// All of sql/ as it was at build time, by version.
std::span<const Migration> embedded_migrations();

// A row of schema_migrations.
struct AppliedMigration {
  int version = 0;
  std::string name;
  std::string checksum;
};

// What a database holds of the tables that are ours. Each table's columns, with ", " between them;
// nothing: there is no such table.
struct FoundSchema {
  std::optional<std::string> migration_columns;
  std::optional<std::string> vote_columns;
  std::optional<std::string> receipt_columns;
  // By version; empty when schema_migrations is not there or not ours.
  std::vector<AppliedMigration> applied;

  bool has_migration_table_of_ours() const;
};

// Which of `ours` are still to be applied. FAILED_PRECONDITION, saying what was found and what to
// do, when `found` is not a schema that some prefix of `ours` made.
absl::StatusOr<std::span<const Migration>> pending_migrations(const FoundSchema& found,
                                                              std::span<const Migration> ours);

}  // namespace pollbus
