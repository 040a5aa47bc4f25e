#include "stores/postgres_errors.h"

#include <gtest/gtest.h>

#include <string>

namespace pollbus {
namespace {

// What PostgreSQL reports of a function, here one that a block has called.
constexpr const char* kOfTrigger =
    "PL/pgSQL function refuse() line 3 at RAISE\n"
    "SQL statement \"DELETE FROM votes\"\n"
    "PL/pgSQL function inline_code_block line 1 at SQL statement";

TEST(PostgresErrorsTest, AnErrorThatMayPassIsUnavailable) {
  for (const char* sqlstate :
       {"",      "08000", "08003", "08006", "25006", "28000", "28P01", "40001",
        "40P01", "53000", "53100", "53200", "53300", "55006", "55P03", "57014",
        "57P01", "57P02", "57P03", "58030", "XX000", "XX001"}) {
    EXPECT_EQ(postgres_error("here", sqlstate, "text", "", "").code(),
              absl::StatusCode::kUnavailable)
        << sqlstate;
  }
}

TEST(PostgresErrorsTest, AnErrorThatWouldComeAgainIsAFailedPrecondition) {
  for (const char* sqlstate :
       {"0A000", "22003", "22P02", "22012", "23502", "23503", "23505", "23514", "25P02", "3D000",
        "3F000", "42501", "42703", "42804", "42P01", "42601", "54000", "55000", "P0001"}) {
    EXPECT_EQ(postgres_error("here", sqlstate, "text", "", "").code(),
              absl::StatusCode::kFailedPrecondition)
        << sqlstate;
  }
}

TEST(PostgresErrorsTest, ErrorsAboutServerAndSchemaKeepTheirMessage) {
  for (const char* sqlstate : {"42P01", "53100", "57P01", "40P01", "25006"}) {
    const std::string text(
        postgres_error("here", sqlstate, "its message", "parse_relation.c", "").message());
    EXPECT_EQ(text, "here: its message (SQLSTATE " + std::string(sqlstate) + ")");
  }
}

TEST(PostgresErrorsTest, ErrorsAboutRowsDoNotKeepTheirMessage) {
  for (const char* sqlstate : {"22003", "22P02", "23505", "23514", "P0001", "XX000", "HV000"}) {
    const std::string text(postgres_error("here", sqlstate, "canary", "execMain.c", "").message());
    EXPECT_EQ(text.find("canary"), std::string::npos) << text;
    EXPECT_NE(text.find(sqlstate), std::string::npos) << text;
  }
}

TEST(PostgresErrorsTest, ErrorsThatAFunctionRaisesDoNotKeepTheirMessageWhateverTheirCode) {
  for (const char* file : {"pl_exec.c", "plpy_elog.c", "plperl.c", "pltcl.c"}) {
    for (const char* sqlstate : {"42P01", "53100", "40001", "25006"}) {
      const std::string text(
          postgres_error("here", sqlstate, "canary", file, kOfTrigger).message());
      EXPECT_EQ(text.find("canary"), std::string::npos) << text;
    }
  }
}

TEST(PostgresErrorsTest, ErrorsThatAMigrationRaisesKeepTheirMessage) {
  for (const char* context : {"PL/pgSQL function inline_code_block line 4 at RAISE",
                              "PL/pgSQL-Funktion inline_code_block Zeile 4 bei RAISE"}) {
    EXPECT_EQ(postgres_error("here", "55000", "votes are lost", "pl_exec.c", context).message(),
              "here: votes are lost (SQLSTATE 55000)");
  }
}

}  // namespace
}  // namespace pollbus
