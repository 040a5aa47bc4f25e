// What the database roles may do, and TLS to PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "integration/store_fixture.h"
#include "stores/event_store.h"
#include "support/certificates.h"
#include "support/child_process.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using testing::ballots_of;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum BallotOutcome;
using Kind = ApplyOutcome::Kind;
using namespace std::chrono_literals;

constexpr char kRolePassword[] = "it's \"secret\"";

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, decltype(&::pclose)> pipe(::popen(command.c_str(), "r"), &::pclose);
  if (pipe == nullptr) throw std::runtime_error(command);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t bytes = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), bytes);
  return output;
}

class RolesTest : public testing::StoreTest {
 protected:
  void create_roles() const {
    const std::string password = "'it'\"'\"'s \"secret\"' ";
    postgres_.query(
        output_of("POSTGRES_DB=" + postgres_.database() + " POSTGRES_OWNER_PASSWORD=" + password +
                  "POSTGRES_RECORDER_PASSWORD=" + password +
                  "POSTGRES_RESULTS_PASSWORD=" + password + POLLBUS_SCRIPTS "/postgres-roles"));
  }

  PostgresConfig config_of(const std::string& role) const {
    PostgresConfig role_config = config();
    role_config.user = role;
    role_config.password = Secret(kRolePassword);
    return role_config;
  }

  // The error of a statement that this role runs, or "".
  std::string error_of(const std::string& role, const std::string& sql) const {
    const std::string port = std::to_string(postgres_.port());
    const std::array keys{"host", "port",     "dbname",
                          "user", "password", static_cast<const char*>(nullptr)};
    const std::array values{"127.0.0.1",  port.c_str(),  postgres_.database().c_str(),
                            role.c_str(), kRolePassword, static_cast<const char*>(nullptr)};
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
        PQconnectdbParams(keys.data(), values.data(), 0), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), sql.c_str()), &PQclear);
    rows_ = PQntuples(result.get());
    return PQerrorMessage(connection.get());
  }

  NewEvent event(std::int64_t sequence, EventKind kind, Phase phase) const {
    NewEvent event;
    event.signed_event = {.data = std::to_string(sequence), .signature = "a"};
    event.event.election = 12;
    event.event.sequence = sequence;
    event.event.kind = kind;
    event.event.marks = 10;
    event.state.phase = phase;
    event.state.sequence = sequence;
    event.state.definition.election = 12;
    event.state.definition.event = "City";
    return event;
  }

  // As recorders do: an election from its definition to its seal.
  void hold_election(const PostgresConfig& recorder) {
    const auto box = make_postgres_ballot_box(recorder);
    const auto events = make_postgres_event_store(recorder);
    EXPECT_EQ(box->migrate(), absl::OkStatus());
    EXPECT_EQ(box->check(), absl::OkStatus());
    EXPECT_EQ(events->apply(event(1, EventKind::kDefine, Phase::kOpen))->kind, Kind::kApplied);
    EXPECT_THAT(*box->record(ballots_of(0, 10)), Each(kRecorded));
    EXPECT_THAT(*box->record(ballots_of(0, 10)), Each(kRecordedAgain));
    EXPECT_EQ(box->counts()->by_election.at(12), 10);
    EXPECT_EQ(events->votes(12)->tally, std::nullopt);
    EXPECT_EQ(events->apply(event(2, EventKind::kSeal, Phase::kSealed))->kind, Kind::kApplied);
    ::testing::internal::CaptureStderr();
    EXPECT_THAT(*box->record(ballots_of(10, 11)), Each(kSealed));
    ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(*events->votes(12)->tally, SizeIs(10));
    EXPECT_THAT(*events->events(12, 1), SizeIs(2));
    EXPECT_THAT(*events->elections("City"), Contains(12));
  }

  mutable int rows_ = 0;  // that the last statement of error_of() returned
};

TEST_F(RolesTest, ARecorderCanHoldAnElectionAndDoNothingElse) {
  create_roles();
  EXPECT_EQ(migrate_postgres(config_of("pollbus_owner")), absl::OkStatus());
  hold_election(config_of("pollbus_recorder"));
  const std::string recorder = "pollbus_recorder";
  EXPECT_EQ(error_of(recorder, "SELECT * FROM receipts"), "");
  EXPECT_EQ(rows_, 10);
  for (const char* sql : {"SELECT * FROM votes",
                          "SELECT * FROM votes_12",
                          "SELECT * FROM vote_counts",
                          "SELECT * FROM turnout",
                          "SELECT * FROM events",
                          "SELECT * FROM elections",
                          "SELECT * FROM board_tally",
                          "SELECT * FROM schema_migrations",
                          "COPY votes TO STDOUT",
                          "INSERT INTO votes VALUES (gen_random_uuid(), 1, 2, 3) RETURNING voting",
                          "UPDATE votes SET voting = 1",
                          "UPDATE receipts SET electionid = 1",
                          "UPDATE vote_counts SET votes = 1",
                          "DELETE FROM votes",
                          "DELETE FROM receipts",
                          "DELETE FROM events",
                          "TRUNCATE votes",
                          "TRUNCATE receipts",
                          "DROP TABLE votes",
                          "DROP TABLE receipts",
                          "ALTER TABLE votes DISABLE TRIGGER ALL",
                          "CREATE TABLE mine ()",
                          "CREATE TEMPORARY TABLE mine ()",
                          "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                          "INSERT INTO votes_default VALUES (gen_random_uuid(), 1, 2, 3)",
                          "INSERT INTO vote_counts VALUES (1, 2, 3, 4, 5)",
                          "INSERT INTO events VALUES (1, 2, '', '', '', '')",
                          "SELECT seal_votes(12, 10)",
                          "SELECT make_partitions(13)",
                          "SET session_replication_role = replica"}) {
    EXPECT_THAT(error_of(recorder, sql),
                AnyOf(HasSubstr("permission denied"), HasSubstr("must be owner")))
        << sql;
  }
  EXPECT_EQ(votes(), "10");
}

TEST_F(RolesTest, TheResultsRoleSeesTurnoutAndNoTallyBeforeTheClose) {
  create_roles();
  EXPECT_EQ(migrate_postgres(config_of("pollbus_owner")), absl::OkStatus());
  const auto events = make_postgres_event_store(config_of("pollbus_recorder"));
  const auto box = make_postgres_ballot_box(config_of("pollbus_recorder"));
  EXPECT_EQ(events->apply(event(1, EventKind::kDefine, Phase::kOpen))->kind, Kind::kApplied);
  EXPECT_THAT(*box->record(ballots_of(0, 10)), Each(kRecorded));
  const std::string results = "pollbus_results";
  const auto rows_of = [&](const std::string& view) {
    EXPECT_EQ(error_of(results, "SELECT * FROM " + view), "");
    return rows_;
  };
  EXPECT_EQ(rows_of("board_tally"), 0);
  EXPECT_EQ(rows_of("board_tally WHERE 1 / (voting - 100) <> 1"), 0);
  EXPECT_EQ(rows_of("board_turnout"), 1);
  EXPECT_EQ(rows_of("board_turnout_by_minute"), 1);
  EXPECT_EQ(rows_of("board_events"), 1);
  EXPECT_EQ(rows_of("board_elections"), 1);
  EXPECT_EQ(rows_of("board_receipts"), 10);
  for (const char* sql :
       {"SELECT * FROM votes", "SELECT * FROM vote_counts", "SELECT * FROM receipts",
        "SELECT * FROM election_tally(12)", "SELECT * FROM stored_votes()",
        "INSERT INTO votes VALUES (gen_random_uuid(), 1, 2, 3)", "DELETE FROM board_events",
        "UPDATE board_elections SET phase = 'closed'", "DROP VIEW board_tally",
        "CREATE TEMPORARY TABLE mine ()"}) {
    EXPECT_THAT(error_of(results, sql),
                AnyOf(HasSubstr("permission denied"), HasSubstr("must be owner")))
        << sql;
  }
  EXPECT_EQ(events->apply(event(2, EventKind::kClose, Phase::kClosed))->kind, Kind::kApplied);
  EXPECT_EQ(rows_of("board_tally"), 10);
}

TEST_F(RolesTest, ARecorderOfADatabaseThatIsNotMigratedWaitsAndSaysWhatToDo) {
  create_roles();
  const auto box = make_postgres_ballot_box(config_of("pollbus_recorder"));
  const absl::Status empty = box->migrate();
  EXPECT_EQ(empty.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(empty.message()), HasSubstr("voting-recorder --migrate"));
  EXPECT_EQ(migrate_postgres(config_of("pollbus_owner")), absl::OkStatus());
  EXPECT_EQ(box->migrate(), absl::OkStatus());
  postgres_.query("DELETE FROM schema_migrations WHERE version > 2");
  const absl::Status older = box->migrate();
  EXPECT_EQ(older.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(older.message()),
              AllOf(HasSubstr("version 2"), HasSubstr("voting-recorder --migrate")));
}

TEST_F(RolesTest, AnExistingDatabaseIsHandedToTheOwner) {
  migrate();
  auto ballots = ballots_of(100, 110);
  for (Ballot& ballot : ballots) ballot.election = 11;
  EXPECT_THAT(*box_->record(ballots), Each(kRecorded));
  NewEvent other = event(1, EventKind::kDefine, Phase::kOpen);
  other.event.election = other.state.definition.election = 13;
  EXPECT_EQ(make_postgres_event_store(config())->apply(other)->kind, Kind::kApplied);
  create_roles();
  EXPECT_EQ(migrate_postgres(config_of("pollbus_owner")), absl::OkStatus());
  EXPECT_THAT(column("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
                     "relowner <> 'pollbus_owner'::regrole"),
              IsEmpty());
  hold_election(config_of("pollbus_recorder"));
}

TEST_F(RolesTest, TheProgramMigratesAsTheOwnerOnly) {
  create_roles();
  const auto run = [&](const std::string& role) {
    testing::Environment environment = postgres_.environment();
    environment["POSTGRES_USER"] = role;
    environment["POSTGRES_PASSWORD"] = kRolePassword;
    testing::ChildProcess program({POLLBUS_PROGRAMS "/voting-recorder", "--migrate"}, environment,
                                  folder_.path() / (role + ".log"));
    return program.wait(30s);
  };
  EXPECT_EQ(run("pollbus_recorder"), 1);
  EXPECT_THAT(testing::Certificates::read(folder_.path() / "pollbus_recorder.log"),
              AllOf(HasSubstr("pollbus_recorder may not create tables"), HasSubstr("owner")));
  EXPECT_EQ(run("pollbus_owner"), 0);
  EXPECT_EQ(run("pollbus_owner"), 0);
  hold_election(config_of("pollbus_recorder"));
}

TEST_F(RolesTest, PasswordsThatAreMissingAreNamed) {
  const std::string output =
      output_of(std::string("env -i ") + POLLBUS_SCRIPTS "/postgres-roles 2>&1");
  EXPECT_THAT(output, HasSubstr("POSTGRES_OWNER_PASSWORD"));
}

class PostgresTlsTest : public testing::StoreTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() / "other");
    for (const auto& [name, value] :
         {std::pair<std::string, std::string>{"ssl_cert_file", certificates_.certificate()},
          {"ssl_key_file", certificates_.key()},
          {"ssl_ca_file", certificates_.authority()},
          {"ssl", "on"}}) {
      postgres_.query("ALTER SYSTEM SET " + name + " = '" + value + "'");
    }
    allow("hostssl all all all scram-sha-256");
  }

  // Replaces the server's rules about who may connect.
  void allow(const std::string& rule) {
    std::ofstream(folder_.path() / "postgres/data/pg_hba.conf") << rule << "\n";
    postgres_.stop();
    postgres_.start();
  }

  absl::Status try_with(const std::function<void(PostgresConfig&)>& change) const {
    PostgresConfig changed = config();
    change(changed);
    return make_postgres_ballot_box(changed)->check();
  }

  testing::Certificates certificates_{folder_.path()};
};

TEST_F(PostgresTlsTest, AServerIsTrustedIfAnAuthorityVouchesForItsName) {
  EXPECT_EQ(try_with([&](auto& tls) { tls.ca_file = certificates_.authority(); }),
            absl::OkStatus());
  const testing::Certificates others(folder_.path() / "other");
  const absl::Status wrong_authority =
      try_with([&](auto& tls) { tls.ca_file = others.authority(); });
  EXPECT_EQ(wrong_authority.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(wrong_authority.message()), HasSubstr("certificate verify failed"));
  const auto as_localhost = [&](const std::string& mode) {
    return try_with([&](auto& tls) {
      tls.host = "localhost";
      tls.ssl_mode = mode;
      tls.ca_file = certificates_.authority();
    });
  };
  EXPECT_EQ(as_localhost("verify-full").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(as_localhost("verify-ca"), absl::OkStatus());
}

TEST_F(PostgresTlsTest, VotesTravelEncryptedAndPlainTextIsRefused) {
  EXPECT_EQ(try_with([](auto& tls) { tls.ssl_mode = "disable"; }).code(),
            absl::StatusCode::kUnavailable);
  PostgresConfig tls = config();
  tls.ca_file = certificates_.authority();
  box_ = make_postgres_ballot_box(tls);
  EXPECT_EQ(box_->migrate(), absl::OkStatus());
  EXPECT_THAT(*box_->record(ballots_of(0, 10)), Each(kRecorded));
  EXPECT_THAT(column("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE "
                     "application_name = 'voting-recorder'"),
              Each("t"));
}

TEST_F(PostgresTlsTest, AServerThatWantsACertificateGetsOurs) {
  allow("hostssl all all all scram-sha-256 clientcert=verify-ca");
  EXPECT_EQ(try_with([&](auto& tls) { tls.ca_file = certificates_.authority(); }).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(try_with([&](auto& tls) {
              tls.ca_file = certificates_.authority();
              tls.certificate_file = certificates_.certificate();
              tls.key_file = certificates_.key();
            }),
            absl::OkStatus());
}

}  // namespace
}  // namespace pollbus
