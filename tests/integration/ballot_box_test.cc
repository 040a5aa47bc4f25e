#include "stores/ballot_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "stores/migrations.h"
#include "support/eventually.h"
#include "support/postgres_server.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// Stand for what no error may tell.
constexpr std::int64_t kCanaryElection = 424'242'424'242;
constexpr std::int64_t kCanaryChoice = 1'313'131;

Ballot ballot_of(int vote) {
  // Receipts are hashes: their order has nothing to do with the votes'.
  std::mt19937 random(static_cast<unsigned>(vote));
  Ballot ballot{.election = 12, .machine = 3, .choice = vote, .receipt = {}};
  for (unsigned char& byte : ballot.receipt) byte = static_cast<unsigned char>(random());
  return ballot;
}

std::vector<Ballot> ballots_of(int from, int to) {
  std::vector<Ballot> ballots;
  for (int vote = from; vote < to; ++vote) ballots.push_back(ballot_of(vote));
  return ballots;
}

class BallotBoxTest : public ::testing::Test {
 protected:
  PostgresConfig config() const {
    PostgresConfig config;
    config.port = postgres_.port();
    config.database = postgres_.database();
    config.user = postgres_.user();
    config.password = Secret(postgres_.password());
    config.connect_timeout = 2s;
    config.statement_timeout = 10s;
    return config;
  }

  void migrate() { ASSERT_EQ(box_->migrate(), absl::OkStatus()); }

  std::string one(const std::string& sql) const { return postgres_.query(sql).at(0).at(0); }
  std::string votes() const { return one("SELECT count(*) FROM votes"); }
  std::string receipts() const { return one("SELECT count(*) FROM receipts"); }

  std::vector<std::string> column(const std::string& sql) const {
    std::vector<std::string> values;
    for (const auto& row : postgres_.query(sql)) values.push_back(row.at(0));
    return values;
  }

  absl::Status record_canary() {
    Ballot ballot = ballot_of(kCanaryChoice);
    ballot.election = kCanaryElection;
    return box_->record(std::vector{ballot});
  }

  testing::TemporaryFolder folder_;
  testing::PostgresServer postgres_{folder_.path()};
  std::unique_ptr<BallotBox> box_ = make_postgres_ballot_box(config());
};

TEST_F(BallotBoxTest, EachVoteIsStoredOnceHoweverOftenItComes) {
  migrate();
  std::vector<Ballot> batch = ballots_of(0, 100);
  EXPECT_EQ(box_->record(batch), absl::OkStatus());
  EXPECT_EQ(box_->record(batch), absl::OkStatus());
  // Half of it new, and each twice.
  batch = ballots_of(50, 150);
  batch.insert(batch.end(), batch.begin(), batch.end());
  EXPECT_EQ(box_->record(batch), absl::OkStatus());
  EXPECT_EQ(box_->record({}), absl::OkStatus());
  EXPECT_EQ(votes(), "150");
  EXPECT_EQ(receipts(), "150");
  EXPECT_EQ(one("SELECT count(DISTINCT voting) FROM votes"), "150");
  EXPECT_EQ(one("SELECT count(*) FROM votes WHERE electionid = 12 AND machineid = 3"), "150");
  EXPECT_EQ(one("SELECT count(*) FROM votes WHERE substr(id::text, 15, 1) = '4'"), "150");
}

TEST_F(BallotBoxTest, OfSeveralBallotsWithOneReceiptTheFirstCounts) {
  migrate();
  Ballot other = ballot_of(1);
  other.choice = 2;
  EXPECT_EQ(box_->record(std::vector{ballot_of(1), other}), absl::OkStatus());
  EXPECT_EQ(box_->record(std::vector{other}), absl::OkStatus());
  EXPECT_THAT(column("SELECT voting FROM votes"), ElementsAre("1"));
}

TEST_F(BallotBoxTest, LimitsAreStoredExactlyAndBeyondThemNothingIs) {
  migrate();
  Ballot largest = ballot_of(1);
  largest.election = largest.machine = (std::int64_t{1} << 53) - 1;
  largest.choice = 2'147'483'647;
  EXPECT_EQ(box_->record(std::vector{largest}), absl::OkStatus());
  EXPECT_THAT(postgres_.query("SELECT electionid, machineid, voting FROM votes").at(0),
              ElementsAre("9007199254740991", "9007199254740991", "2147483647"));
  largest.choice += 1;
  EXPECT_EQ(box_->record(std::vector{ballot_of(2), largest}).code(),
            absl::StatusCode::kInvalidArgument);
  const std::vector<Ballot> too_many(BallotBox::kMaxBallotsPerBatch + 1);
  EXPECT_EQ(box_->record(too_many).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(votes(), "1");
  EXPECT_EQ(box_->record(ballots_of(0, BallotBox::kMaxBallotsPerBatch)), absl::OkStatus());
  EXPECT_EQ(votes(), "10000");
}

TEST_F(BallotBoxTest, TheTablesAreThoseOfTheDesignAndKeepNoTime) {
  migrate();
  const std::string columns =
      "SELECT column_name || ' ' || data_type || ' ' || is_nullable FROM "
      "information_schema.columns WHERE table_name = '";
  EXPECT_THAT(column(columns + "votes' ORDER BY ordinal_position"),
              ElementsAre("id uuid NO", "electionid bigint NO", "machineid bigint NO",
                          "voting integer NO"));
  EXPECT_THAT(column(columns + "receipts' ORDER BY ordinal_position"),
              ElementsAre("receipt bytea NO", "electionid bigint NO"));
}

TEST_F(BallotBoxTest, TheTablesOrdersTellNothingOfEachOtherOrOfTheBatch) {
  migrate();
  constexpr int kVotes = 500;
  EXPECT_EQ(box_->record(ballots_of(0, kVotes)), absl::OkStatus());
  std::map<std::string, std::string> choice_of;
  for (const Ballot& ballot : ballots_of(0, kVotes)) {
    choice_of["\\x" + to_hex(ballot.receipt)] = std::to_string(ballot.choice);
  }
  const auto by_receipt = column("SELECT receipt FROM receipts ORDER BY ctid");
  const auto by_vote = column("SELECT voting FROM votes ORDER BY ctid");
  const auto by_id = column("SELECT voting FROM votes ORDER BY id");
  int as_receipts = 0;
  int as_batch = 0;
  int as_ids = 0;
  for (int i = 0; i < kVotes; ++i) {
    as_receipts += choice_of.at(by_receipt[i]) == by_vote[i];
    as_batch += std::to_string(i) == by_vote[i];
    as_ids += by_id[i] == by_vote[i];
  }
  // By chance one is expected; that there are twenty happens once in 10^18 runs.
  EXPECT_LT(as_receipts, 20);
  EXPECT_LT(as_batch, 20);
  EXPECT_LT(as_ids, 20);
}

TEST_F(BallotBoxTest, RecordersWithTheSameBallotsInOtherOrdersStoreEachOnce) {
  migrate();
  constexpr int kRecorders = 3;
  constexpr int kRounds = 15;
  constexpr int kBatch = 300;
  std::vector<std::vector<absl::Status>> failures(kRecorders);
  std::vector<std::thread> recorders;
  for (int recorder = 0; recorder < kRecorders; ++recorder) {
    recorders.emplace_back([&, recorder] {
      std::mt19937 random(static_cast<unsigned>(recorder));
      const auto box = make_postgres_ballot_box(config());
      for (int round = 0; round < kRounds; ++round) {
        // Overlaps with the others' batches of this round and of the next.
        const int from = round * kBatch + recorder * kBatch / kRecorders;
        std::vector<Ballot> batch = ballots_of(from, from + kBatch);
        std::ranges::shuffle(batch, random);
        const absl::Status status = box->record(batch);
        if (!status.ok()) failures[recorder].push_back(status);
      }
    });
  }
  for (std::thread& recorder : recorders) recorder.join();
  for (const auto& each : failures) EXPECT_TRUE(each.empty()) << each.front();
  const std::string expected = std::to_string(kRounds * kBatch + 2 * kBatch / kRecorders);
  EXPECT_EQ(votes(), expected);
  EXPECT_EQ(receipts(), expected);
  EXPECT_EQ(one("SELECT count(DISTINCT voting) FROM votes"), expected);
}

TEST_F(BallotBoxTest, VotesOutliveAKilledServerAndTheBoxFindsItAgain) {
  migrate();
  EXPECT_EQ(box_->record(ballots_of(0, 10)), absl::OkStatus());
  postgres_.kill();
  // Its processes may outlive it for a moment, and then still take what they are given.
  EXPECT_TRUE(testing::eventually(
      10s, [&] { return box_->check().code() == absl::StatusCode::kUnavailable; }));
  const absl::Status status = box_->record(ballots_of(10, 20));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("PostgreSQL at 127.0.0.1:" + std::to_string(postgres_.port())),
                    Not(HasSubstr("\n"))));
  postgres_.start();
  EXPECT_EQ(box_->check(), absl::OkStatus());
  EXPECT_EQ(box_->record(ballots_of(0, 20)), absl::OkStatus());
  EXPECT_EQ(votes(), "20");
}

TEST_F(BallotBoxTest, AStoppedServerIsTransientTrouble) {
  migrate();
  postgres_.stop();
  EXPECT_EQ(box_->record(ballots_of(0, 10)).code(), absl::StatusCode::kUnavailable);
  postgres_.start();
  EXPECT_EQ(box_->record(ballots_of(0, 10)), absl::OkStatus());
  EXPECT_EQ(votes(), "10");
}

TEST_F(BallotBoxTest, ASilentServerHoldsNobodyForEver) {
  PostgresConfig impatient = config();
  impatient.statement_timeout = 300ms;
  box_ = make_postgres_ballot_box(impatient);
  migrate();
  const pid_t session =
      std::stoi(one("SELECT pid FROM pg_stat_activity WHERE application_name = 'voting-recorder'"));
  ASSERT_EQ(::kill(session, SIGSTOP), 0);
  postgres_.signal(SIGSTOP);
  EXPECT_EQ(box_->record(ballots_of(0, 10)).code(), absl::StatusCode::kDeadlineExceeded);
  // Now it connects anew, and nobody answers that either.
  EXPECT_EQ(box_->record(ballots_of(0, 10)).code(), absl::StatusCode::kUnavailable);
  postgres_.signal(SIGCONT);
  ASSERT_EQ(::kill(session, SIGCONT), 0);
  EXPECT_EQ(box_->record(ballots_of(0, 10)), absl::OkStatus());
  EXPECT_EQ(votes(), "10");
}

TEST_F(BallotBoxTest, AStatementThatWaitsTooLongIsGivenUpAndTriedAgain) {
  PostgresConfig impatient = config();
  impatient.statement_timeout = 300ms;
  box_ = make_postgres_ballot_box(impatient);
  migrate();
  std::thread holder(
      [&] { postgres_.query("DO $$ BEGIN LOCK TABLE votes; PERFORM pg_sleep(2); END $$"); });
  EXPECT_TRUE(testing::eventually(5s, [&] {
    return one("SELECT count(*) FROM pg_locks WHERE relation = 'votes'::regclass AND "
               "mode = 'AccessExclusiveLock'") == "1";
  }));
  const absl::Status status = box_->record(ballots_of(0, 10));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("statement timeout"));
  holder.join();
  EXPECT_EQ(box_->record(ballots_of(0, 10)), absl::OkStatus());
  EXPECT_EQ(votes(), "10");
}

TEST_F(BallotBoxTest, ARefusedPasswordIsTransientAndIsNotTold) {
  PostgresConfig wrong = config();
  wrong.password = Secret("canary-wrong");
  const absl::Status status = make_postgres_ballot_box(wrong)->check();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("password authentication failed"), Not(HasSubstr("canary"))));
}

TEST_F(BallotBoxTest, WhatItStoresIsOnDiskWhateverTheDatabaseSays) {
  migrate();
  postgres_.query("ALTER DATABASE " + postgres_.database() + " SET synchronous_commit = off");
  postgres_.query("CREATE TABLE seen(setting text)");
  postgres_.query(
      "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES "
      "(current_setting('synchronous_commit')); RETURN NEW; END $$");
  postgres_.query("CREATE TRIGGER see BEFORE INSERT ON votes EXECUTE FUNCTION see()");
  EXPECT_EQ(make_postgres_ballot_box(config())->record(ballots_of(0, 10)), absl::OkStatus());
  EXPECT_THAT(column("SELECT setting FROM seen"), ElementsAre("on"));
}

TEST_F(BallotBoxTest, AReadOnlyServerIsNotReady) {
  migrate();
  const std::string alter = "ALTER DATABASE " + postgres_.database();
  postgres_.query(alter + " SET default_transaction_read_only = on");
  box_ = make_postgres_ballot_box(config());
  EXPECT_EQ(box_->check().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(box_->record(ballots_of(0, 1)).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(postgres_.query("SELECT 1 FROM votes").size(), 0u);
}

TEST_F(BallotBoxTest, NoErrorTellsAVote) {
  // No tables yet.
  EXPECT_EQ(record_canary().code(), absl::StatusCode::kFailedPrecondition);
  migrate();
  postgres_.query(
      "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
      "'% voted %', NEW.electionid, NEW.voting; END $$");
  const std::vector<std::pair<std::string, std::string>> troubles = {
      {"ALTER TABLE votes ADD CONSTRAINT few CHECK (voting < 5)",
       "ALTER TABLE votes DROP CONSTRAINT few"},
      {"CREATE TRIGGER shout BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION shout()",
       "DROP TRIGGER shout ON votes"},
      {"ALTER TABLE votes ALTER voting TYPE smallint", "ALTER TABLE votes ALTER voting TYPE int"},
      {"ALTER TABLE votes RENAME voting TO choice", "ALTER TABLE votes RENAME choice TO voting"},
      {"REVOKE INSERT ON votes FROM " + postgres_.user(),
       "GRANT INSERT ON votes TO " + postgres_.user()}};
  for (const auto& [make, unmake] : troubles) {
    postgres_.query(make);
    const absl::Status status = record_canary();
    postgres_.query(unmake);
    // A superuser needs no grant.
    if (status.ok() && make.starts_with("REVOKE")) continue;
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << make << ": " << status;
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(HasSubstr("SQLSTATE"), Not(HasSubstr("4242424242")), Not(HasSubstr("1313131"))));
  }
  EXPECT_EQ(record_canary(), absl::OkStatus());
}

TEST_F(BallotBoxTest, RecordersThatStartTogetherMigrateOnce) {
  constexpr int kRecorders = 4;
  std::vector<absl::Status> outcomes(kRecorders);
  std::vector<std::thread> recorders;
  for (absl::Status& outcome : outcomes) {
    recorders.emplace_back([&] { outcome = make_postgres_ballot_box(config())->migrate(); });
  }
  for (std::thread& recorder : recorders) recorder.join();
  for (const absl::Status& outcome : outcomes) EXPECT_EQ(outcome, absl::OkStatus());
  EXPECT_EQ(one("SELECT count(*) FROM schema_migrations"),
            std::to_string(embedded_migrations().size()));
  EXPECT_EQ(one("SELECT checksum FROM schema_migrations WHERE version = 1"),
            embedded_migrations()[0].checksum());
  migrate();
}

TEST_F(BallotBoxTest, TheOriginalsTableIsLeftAloneAndNamed) {
  postgres_.query("CREATE TABLE votes (electionID int, machineID int, voting int)");
  postgres_.query("INSERT INTO votes VALUES (1, 2, 3)");
  const absl::Status status = box_->migrate();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("votes(electionid, machineid, voting)"), HasSubstr("POSTGRES_DB")));
  EXPECT_EQ(votes(), "1");
  EXPECT_EQ(one("SELECT to_regclass('schema_migrations') IS NULL"), "t");
}

TEST_F(BallotBoxTest, ADatabaseOfAnotherVersionIsRefused) {
  migrate();
  postgres_.query("INSERT INTO schema_migrations VALUES (99, 'from_the_future', 'x')");
  const absl::Status newer = box_->migrate();
  EXPECT_EQ(newer.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(newer.message()), HasSubstr("version 99 (from_the_future)"));
  postgres_.query("DELETE FROM schema_migrations WHERE version = 99");
  postgres_.query("UPDATE schema_migrations SET checksum = 'x'");
  EXPECT_EQ(box_->migrate().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(BallotBoxTest, AnotherToolsMigrationTableIsRefused) {
  postgres_.query("CREATE TABLE schema_migrations (version bigint, dirty boolean)");
  const absl::Status status = box_->migrate();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("schema_migrations(version, dirty)"));
}

}  // namespace
}  // namespace pollbus
