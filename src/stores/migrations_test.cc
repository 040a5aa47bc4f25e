#include "stores/migrations.h"

#include <gtest/gtest.h>

#include <set>

namespace pollbus {
namespace {

constexpr Migration kOurs[] = {{1, "first", "CREATE TABLE a ()"}, {2, "second", "DROP TABLE a"}};

AppliedMigration applied(const Migration& migration) {
  return {migration.version, std::string(migration.name), migration.checksum()};
}

// A database to which the first `count` migrations were applied.
FoundSchema migrated(int count) {
  FoundSchema found{.migration_columns = "version, name, checksum",
                    .vote_columns = "id",
                    .receipt_columns = "receipt",
                    .has_receipts = false,
                    .applied = {}};
  for (int i = 0; i < count; ++i) found.applied.push_back(applied(kOurs[i]));
  return found;
}

std::string refusal(const FoundSchema& found) {
  const auto pending = pending_migrations(found, kOurs);
  EXPECT_EQ(pending.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(pending.status().message());
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(MigrationsTest, TheEmbeddedOnesAreNumberedFromOneWithoutGaps) {
  int version = 0;
  for (const Migration& migration : embedded_migrations()) EXPECT_EQ(migration.version, ++version);
  EXPECT_GE(version, 1);
}

// Databases remember the checksums, so a released migration must never change.
TEST(MigrationsTest, ReleasedMigrationsKeepTheirChecksums) {
  EXPECT_EQ(embedded_migrations()[0].name, "votes_and_receipts");
  EXPECT_EQ(embedded_migrations()[0].checksum(), "53f074c966a8ae675269c0cd135ff820");
  EXPECT_EQ(embedded_migrations()[1].name, "unkeyed_receipts_and_counts");
  EXPECT_EQ(embedded_migrations()[1].checksum(), "ea87dc024754816a930a24c0e09d8617");
  EXPECT_EQ(embedded_migrations()[2].name, "elections");
  EXPECT_EQ(embedded_migrations()[2].checksum(), "70447efd16bfe4767d60bfcb366c55bb");
}

TEST(MigrationsTest, AnEmptyDatabaseNeedsAll) {
  EXPECT_EQ(pending_migrations({}, kOurs)->size(), 2u);
  FoundSchema only_table;
  only_table.migration_columns = "version, name, checksum";
  EXPECT_EQ(pending_migrations(only_table, kOurs)->size(), 2u);
}

TEST(MigrationsTest, AMigratedDatabaseNeedsTheRest) {
  EXPECT_EQ(pending_migrations(migrated(1), kOurs)->front().version, 2);
  EXPECT_TRUE(pending_migrations(migrated(2), kOurs)->empty());
}

TEST(MigrationsTest, ReceiptsThatWereMadeWithAKeyAreRefused) {
  FoundSchema found = migrated(1);
  found.has_receipts = true;
  const std::string text = refusal(found);
  EXPECT_TRUE(holds(text, "RECORDER_KEY")) << text;
  EXPECT_TRUE(holds(text, "empty database")) << text;
  found = migrated(2);
  found.has_receipts = true;
  EXPECT_TRUE(pending_migrations(found, kOurs).ok());
}

TEST(MigrationsTest, ForeignTablesAreRefusedAndNamed) {
  FoundSchema found;
  found.vote_columns = "electionid, machineid, voting";
  EXPECT_TRUE(holds(refusal(found), "table votes(electionid, machineid, voting)"));
  found = {};
  found.receipt_columns = "number";
  EXPECT_TRUE(holds(refusal(found), "table receipts(number)"));
  found = {};
  found.migration_columns = "version, dirty";
  EXPECT_TRUE(holds(refusal(found), "table schema_migrations(version, dirty)"));
}

TEST(MigrationsTest, AMigratedDatabaseWithoutItsTablesIsRefused) {
  FoundSchema found = migrated(1);
  found.receipt_columns.reset();
  EXPECT_TRUE(holds(refusal(found), "its table receipts is missing"));
}

TEST(MigrationsTest, AChangedMigrationIsRefused) {
  FoundSchema found = migrated(2);
  found.applied[1].checksum = "0123";
  const std::string text = refusal(found);
  EXPECT_TRUE(holds(text, "2 (second) with checksum 0123")) << text;
}

TEST(MigrationsTest, AMissingMigrationIsRefused) {
  FoundSchema found = migrated(2);
  found.applied.erase(found.applied.begin());
  EXPECT_TRUE(holds(refusal(found), "2 (second)"));
}

TEST(MigrationsTest, ANewerDatabaseIsRefused) {
  FoundSchema found = migrated(2);
  found.applied.push_back({3, "third", "0123"});
  const std::string text = refusal(found);
  EXPECT_TRUE(holds(text, "version 3 (third)")) << text;
  EXPECT_TRUE(holds(text, "up to 2: start a newer recorder")) << text;
}

}  // namespace
}  // namespace pollbus
