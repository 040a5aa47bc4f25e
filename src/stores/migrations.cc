#include "stores/migrations.h"

#include <fmt/format.h>
#include <sodium.h>

#include "base/status.h"
#include "election/hash.h"

namespace pollbus {
namespace {

constexpr std::string_view kOwnDatabase =
    "give the recorder an empty database of its own (POSTGRES_DB)";

absl::Status check_no_foreign_table(std::string_view name,
                                    const std::optional<std::string>& columns) {
  if (!columns) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the database holds a table {}({}) that another program made: {}, or rename that "
                  "table",
                  name, *columns, kOwnDatabase));
}

absl::Status check_table_is_there(std::string_view name,
                                  const std::optional<std::string>& columns) {
  if (columns) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the database was set up for the recorder, but its table {} is missing: restore "
                  "the database from a backup, or {}",
                  name, kOwnDatabase));
}

absl::Status check_applied(const AppliedMigration& applied, const Migration& ours) {
  if (applied.version == ours.version && applied.checksum == ours.checksum()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(fmt::format(
      "the database was set up by migration {} ({}) with checksum {}, but this recorder has "
      "migration {} ({}) with checksum {}: start the version of the recorder that set it up, or {}",
      applied.version, applied.name, applied.checksum, ours.version, ours.name, ours.checksum(),
      kOwnDatabase));
}

absl::Status check_receipts(const FoundSchema& found) {
  if (!found.has_receipts || found.applied.back().version > kLastVersionWithKeyedReceipts)
    return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("the database holds receipts that an earlier version made with RECORDER_KEY, and "
                  "this version cannot recognize the votes behind them: finish that election with "
                  "the earlier version, and {} for the next election",
                  kOwnDatabase));
}

}  // namespace

std::string Migration::checksum() const {
  Hash128 hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(sql.data()),
                     sql.size(), nullptr, 0);
  return to_hex(hash);
}

bool FoundSchema::has_migration_table_of_ours() const {
  return migration_columns == kMigrationColumns;
}

absl::StatusOr<std::span<const Migration>> pending_migrations(const FoundSchema& found,
                                                              std::span<const Migration> ours) {
  if (!found.has_migration_table_of_ours()) {
    RETURN_IF_ERROR(check_no_foreign_table("schema_migrations", found.migration_columns));
  }
  if (found.applied.empty()) {
    RETURN_IF_ERROR(check_no_foreign_table("votes", found.vote_columns));
    RETURN_IF_ERROR(check_no_foreign_table("receipts", found.receipt_columns));
    return ours;
  }
  RETURN_IF_ERROR(check_table_is_there("votes", found.vote_columns));
  RETURN_IF_ERROR(check_table_is_there("receipts", found.receipt_columns));
  for (std::size_t i = 0; i < found.applied.size() && i < ours.size(); ++i) {
    RETURN_IF_ERROR(check_applied(found.applied[i], ours[i]));
  }
  if (found.applied.size() > ours.size()) {
    const AppliedMigration& newest = found.applied.back();
    return absl::FailedPreconditionError(
        fmt::format("the database is at version {} ({}), and this recorder knows versions up to "
                    "{}: start a newer recorder",
                    newest.version, newest.name, ours.empty() ? 0 : ours.back().version));
  }
  RETURN_IF_ERROR(check_receipts(found));
  return ours.subspan(found.applied.size());
}

}  // namespace pollbus
