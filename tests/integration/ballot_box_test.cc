#include "stores/ballot_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "integration/store_fixture.h"
#include "stores/migrations.h"
#include "support/eventually.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using testing::ballots_of;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::random_ballot;
using enum BallotOutcome;
using namespace std::chrono_literals;

// Stand for what no error or log line may quote.
constexpr std::int64_t kCanaryElection = 424'242'424'242;
constexpr std::int64_t kCanaryChoice = 1'313'131;

using Outcomes = absl::StatusOr<std::vector<BallotOutcome>>;

class BallotBoxTest : public testing::StoreTest {
 protected:
  Outcomes record_canary() {
    Ballot ballot = random_ballot(kCanaryChoice);
    ballot.election = kCanaryElection;
    return box_->record(std::vector{ballot});
  }
};

TEST_F(BallotBoxTest, EachVoteIsStoredOnceHoweverOftenItIsRecorded) {
  migrate();
  std::vector<Ballot> batch = ballots_of(0, 100);
  EXPECT_EQ(box_->record(batch).status(), absl::OkStatus());
  EXPECT_EQ(box_->record(batch).status(), absl::OkStatus());
  // Half of the ballots are new, and each occurs twice.
  batch = ballots_of(50, 150);
  batch.insert(batch.end(), batch.begin(), batch.end());
  EXPECT_EQ(box_->record(batch).status(), absl::OkStatus());
  EXPECT_EQ(box_->record({}).status(), absl::OkStatus());
  EXPECT_EQ(votes(), "150");
  EXPECT_EQ(receipts(), "150");
  EXPECT_EQ(one("SELECT count(DISTINCT voting) FROM votes"), "150");
  EXPECT_EQ(one("SELECT count(*) FROM votes WHERE electionid = 12 AND machineid = 3"), "150");
  EXPECT_EQ(one("SELECT count(*) FROM votes WHERE substr(id::text, 15, 1) = '4'"), "150");
}

TEST_F(BallotBoxTest, NewVotesAreStoredAfterAndAmongRepeatedOnes) {
  migrate();
  EXPECT_THAT(*box_->record(ballots_of(0, 100)), Each(kRecorded));
  for (int first = 1; first <= 30; ++first) {
    const std::vector<BallotOutcome> outcomes = *box_->record(ballots_of(first, first + 100));
    EXPECT_EQ(std::ranges::count(outcomes, kRecorded), 1) << first;
    EXPECT_EQ(std::ranges::count(outcomes, kRecordedAgain), 99) << first;
  }
  for (int first = 130; first < 1'630; first += 100)
    EXPECT_THAT(*box_->record(ballots_of(first, first + 100)), Each(kRecorded)) << first;
  EXPECT_EQ(votes(), "1630");
  EXPECT_EQ(receipts(), "1630");
}

TEST_F(BallotBoxTest, VotesThatComeInManyCopiesLeaveFewDeadRows) {
  migrate();
  constexpr int kVotes = 5'000;
  for (int copy = 0; copy < 6; ++copy) EXPECT_TRUE(box_->record(ballots_of(0, kVotes)).ok());
  const auto bytes = std::stoi(one("SELECT pg_relation_size('receipts')"));
  EXPECT_LT(bytes, 3 * kVotes * 80);  // a row takes 76 bytes and a share of its page's header
  EXPECT_EQ(receipts(), "5000");
}

TEST_F(BallotBoxTest, TheLargestNumbersAndBatchesAreStoredExactly) {
  migrate();
  Ballot largest = random_ballot(1);
  largest.election = largest.machine = (std::int64_t{1} << 53) - 1;
  largest.choice = 2'147'483'647;
  EXPECT_EQ(box_->record(std::vector{largest}).status(), absl::OkStatus());
  EXPECT_THAT(postgres_.query("SELECT electionid, machineid, voting FROM votes").at(0),
              ElementsAre("9007199254740991", "9007199254740991", "2147483647"));
  constexpr int kMoreThanOneTransaction = 12'000;
  EXPECT_THAT(*box_->record(ballots_of(2, kMoreThanOneTransaction)), Each(kRecorded));
  EXPECT_EQ(votes(), "11999");
}

TEST_F(BallotBoxTest, TheTablesAreThoseOfTheDocumentationAndKeepNoTime) {
  migrate();
  const std::string columns =
      "SELECT column_name || ' ' || data_type || ' ' || is_nullable FROM "
      "information_schema.columns WHERE table_name = '";
  EXPECT_THAT(column(columns + "votes' ORDER BY ordinal_position"),
              ElementsAre("id uuid NO", "electionid bigint NO", "machineid bigint NO",
                          "voting integer NO"));
  EXPECT_THAT(column(columns + "receipts' ORDER BY ordinal_position"),
              ElementsAre("receipt bytea NO", "electionid bigint NO", "content bytea NO"));
  EXPECT_THAT(column(columns + "vote_counts' ORDER BY ordinal_position"),
              ElementsAre("electionid bigint NO", "machineid bigint NO", "voting integer NO",
                          "slot smallint NO", "votes bigint NO"));
}

TEST_F(BallotBoxTest, TheOrderOfRowsRevealsNothingAboutTheBatch) {
  migrate();
  constexpr int kVotes = 500;
  EXPECT_EQ(box_->record(ballots_of(0, kVotes)).status(), absl::OkStatus());
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
  // One match is expected by chance; twenty matches happen once in 10^18 runs.
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
        // Overlaps with the batches of the other recorders in this round and the next.
        const int from = round * kBatch + recorder * kBatch / kRecorders;
        std::vector<Ballot> batch = ballots_of(from, from + kBatch);
        std::ranges::shuffle(batch, random);
        const absl::Status status = box->record(batch).status();
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

TEST_F(BallotBoxTest, VotesSurviveAKilledServerAndTheBoxReconnects) {
  migrate();
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status(), absl::OkStatus());
  postgres_.kill();
  // Its child processes may survive for a moment and still accept statements.
  EXPECT_TRUE(testing::eventually(
      10s, [&] { return box_->check().code() == absl::StatusCode::kUnavailable; }));
  const absl::Status status = box_->record(ballots_of(100, 200)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("PostgreSQL at 127.0.0.1:" + std::to_string(postgres_.port())),
                    Not(HasSubstr("\n"))));
  postgres_.start();
  EXPECT_EQ(box_->check(), absl::OkStatus());
  EXPECT_EQ(box_->record(ballots_of(0, 200)).status(), absl::OkStatus());
  EXPECT_EQ(votes(), "200");
}

TEST_F(BallotBoxTest, AStoppedServerIsTransientTrouble) {
  migrate();
  postgres_.stop();
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status().code(), absl::StatusCode::kUnavailable);
  postgres_.start();
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status(), absl::OkStatus());
  EXPECT_EQ(votes(), "100");
}

TEST_F(BallotBoxTest, ASilentServerIsGivenUpAfterTheTimeout) {
  PostgresConfig impatient = config();
  impatient.statement_timeout = 300ms;
  box_ = make_postgres_ballot_box(impatient);
  migrate();
  const pid_t session =
      std::stoi(one("SELECT pid FROM pg_stat_activity WHERE application_name = 'voting-recorder'"));
  ASSERT_EQ(::kill(session, SIGSTOP), 0);
  postgres_.signal(SIGSTOP);
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status().code(), absl::StatusCode::kDeadlineExceeded);
  // The new connection is not answered either.
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status().code(), absl::StatusCode::kUnavailable);
  postgres_.signal(SIGCONT);
  ASSERT_EQ(::kill(session, SIGCONT), 0);
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status(), absl::OkStatus());
  EXPECT_EQ(votes(), "100");
}

TEST_F(BallotBoxTest, AStatementThatWaitsTooLongIsGivenUpAndCanBeRepeated) {
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
  const absl::Status status = box_->record(ballots_of(0, 100)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("statement timeout"));
  holder.join();
  EXPECT_EQ(box_->record(ballots_of(0, 100)).status(), absl::OkStatus());
  EXPECT_EQ(votes(), "100");
}

TEST_F(BallotBoxTest, ARefusedPasswordIsTransientAndIsNotQuoted) {
  PostgresConfig wrong = config();
  wrong.password = Secret("canary-wrong");
  const absl::Status status = make_postgres_ballot_box(wrong)->check();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("password authentication failed"), Not(HasSubstr("canary"))));
}

TEST_F(BallotBoxTest, CommitsAreSynchronousWhateverTheDatabaseDefaultIs) {
  migrate();
  postgres_.query("ALTER DATABASE " + postgres_.database() + " SET synchronous_commit = off");
  postgres_.query("CREATE TABLE seen(setting text)");
  postgres_.query(
      "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES "
      "(current_setting('synchronous_commit')); RETURN NEW; END $$");
  postgres_.query("CREATE TRIGGER see BEFORE INSERT ON votes EXECUTE FUNCTION see()");
  EXPECT_EQ(make_postgres_ballot_box(config())->record(ballots_of(0, 10)).status(),
            absl::OkStatus());
  EXPECT_THAT(column("SELECT setting FROM seen"), ElementsAre("on"));
}

TEST_F(BallotBoxTest, AReadOnlyServerIsNotReady) {
  migrate();
  const std::string alter = "ALTER DATABASE " + postgres_.database();
  postgres_.query(alter + " SET default_transaction_read_only = on");
  box_ = make_postgres_ballot_box(config());
  EXPECT_EQ(box_->check().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(box_->record(ballots_of(0, 1)).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(postgres_.query("SELECT 1 FROM votes").size(), 0u);
}

TEST_F(BallotBoxTest, TroubleWithTheSchemaConcernsTheWholeBatchAndQuotesNoVote) {
  EXPECT_EQ(record_canary().status().code(), absl::StatusCode::kFailedPrecondition);  // no tables
  migrate();
  const std::vector<std::pair<std::string, std::string>> troubles = {
      {"ALTER TABLE votes RENAME voting TO choice", "ALTER TABLE votes RENAME choice TO voting"},
      {"ALTER TABLE vote_counts RENAME TO elsewhere",
       "ALTER TABLE elsewhere RENAME TO vote_counts"},
      {"ALTER TABLE receipts DROP COLUMN content", "ALTER TABLE receipts ADD content bytea"}};
  for (const auto& [make, unmake] : troubles) {
    postgres_.query(make);
    const absl::Status status = record_canary().status();
    postgres_.query(unmake);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << make << ": " << status;
    EXPECT_THAT(
        std::string(status.message()),
        AllOf(HasSubstr("SQLSTATE"), Not(HasSubstr("4242424242")), Not(HasSubstr("1313131"))));
  }
  EXPECT_EQ(record_canary().status(), absl::OkStatus());
}

// Makes the database fail with this error, which quotes the vote, for the choice 1313131.
std::vector<std::string> failing_with(const std::string& sqlstate) {
  return {
      "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.voting = "
      "1313131 THEN RAISE EXCEPTION 'choice %', NEW.voting USING ERRCODE = '" +
          sqlstate + "'; END IF; RETURN NEW; END $$",
      "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION f()"};
}

TEST_F(BallotBoxTest, AnErrorThatATriggerRaisesAsTransientQuotesNoVote) {
  migrate();
  for (const char* const sqlstate : {"40001", "53100", "55P03", "57014"}) {
    for (const std::string& sql : failing_with(sqlstate)) postgres_.query(sql);
    box_ = make_postgres_ballot_box(config());
    const absl::Status status = record_canary().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(sqlstate), Not(HasSubstr("1313131"))));
  }
}

TEST_F(BallotBoxTest, ARowThatFailsAgainAndAgainDelaysNoOther) {
  migrate();
  for (const std::string& sql : failing_with("XX001")) postgres_.query(sql);
  std::vector<Ballot> batch = ballots_of(0, 101);
  batch[37].choice = kCanaryChoice;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(box_->record(batch).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(postgres_.query("SELECT 1 FROM votes").size(), 0u);
  }
  std::vector<BallotOutcome> expected(batch.size(), kRecorded);
  expected[37] = kDelayed;
  EXPECT_EQ(*box_->record(batch), expected);
  postgres_.query("DROP TRIGGER t ON votes");
  std::ranges::fill(expected, kRecordedAgain);
  expected[37] = kRecorded;
  EXPECT_EQ(*box_->record(batch), expected);
}

TEST_F(BallotBoxTest, AServerThatFailsWithEveryRowDelaysNoneOfMany) {
  migrate();
  for (const std::string& sql : failing_with("53100")) postgres_.query(sql);
  std::vector<Ballot> batch = ballots_of(0, 101);
  for (Ballot& ballot : batch) ballot.choice = kCanaryChoice;
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(box_->record(batch).status().code(), absl::StatusCode::kUnavailable);
}

struct Refusal {
  const char* what;
  std::vector<std::string> make;
};

// Each of these refuses the choice 1313131 and accepts all others.
const std::vector<Refusal>& refusals() {
  static const std::vector<Refusal> kAll = {
      {"a check constraint", {"ALTER TABLE votes ADD CHECK (voting <> 1313131)"}},
      {"a narrower type", {"ALTER TABLE votes ALTER voting TYPE smallint"}},
      {"a unique constraint",
       {"INSERT INTO votes VALUES (gen_random_uuid(), 0, 0, 1313131)",
        "CREATE UNIQUE INDEX ON votes_default (voting)"}},
      {"a trigger that raises an error",
       {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.voting = 1313131 "
        "THEN RAISE EXCEPTION 'voted %', NEW.voting; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION f()"}},
      {"a trigger that discards the vote",
       {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.voting = 1313131 "
        "THEN RETURN NULL; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION f()"}},
      {"a trigger that discards the receipt",
       {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.electionid = "
        "424242424242 THEN RETURN NULL; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION f()"}},
      {"a trigger that refuses the receipt",
       {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.electionid = "
        "424242424242 THEN RAISE EXCEPTION USING ERRCODE = 'AB123'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION f()"}}};
  return kAll;
}

TEST_F(BallotBoxTest, ARefusedRowDoesNotKeepTheOthersOut) {
  for (const Refusal& refusal : refusals()) {
    SCOPED_TRACE(refusal.what);
    postgres_.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    migrate();
    for (const std::string& sql : refusal.make) postgres_.query(sql);
    std::vector<Ballot> batch = ballots_of(0, 101);
    batch[37].choice = kCanaryChoice;
    batch[37].election = kCanaryElection;
    std::vector<BallotOutcome> expected(batch.size(), kRecorded);
    expected[37] = kRefused;
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(*box_->record(batch), expected);
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, AllOf(Not(HasSubstr("1313131")), Not(HasSubstr("424242424242"))));
    std::ranges::replace(expected, kRecorded, kRecordedAgain);
    EXPECT_EQ(*box_->record(batch), expected);
    EXPECT_EQ(one("SELECT count(*) FROM votes WHERE electionid = 12"), "100");
    EXPECT_EQ(receipts(), "100");
    EXPECT_EQ(box_->counts()->by_election.at(12), 100);
  }
}

TEST_F(BallotBoxTest, AStoredVoteIsNotRefusedWhenItIsRecordedAgain) {
  migrate();
  EXPECT_THAT(*box_->record(ballots_of(0, 5)), Each(kRecorded));
  postgres_.query(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END "
      "$$");
  postgres_.query("CREATE TRIGGER t BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION f()");
  EXPECT_THAT(*box_->record(ballots_of(4, 6)), ElementsAre(kRecordedAgain, kRefused));
}

TEST_F(BallotBoxTest, ADatabaseThatRefusesEveryRowStoresNothing) {
  migrate();
  postgres_.query("ALTER TABLE votes ADD CHECK (voting < 0)");
  EXPECT_THAT(*box_->record(ballots_of(0, 200)), Each(kRefused));
  EXPECT_EQ(votes(), "0");
  EXPECT_EQ(receipts(), "0");
}

TEST_F(BallotBoxTest, ADifferentVoteUnderAKnownReceiptIsToldApart) {
  migrate();
  Ballot other = random_ballot(1);
  other.choice = 2;
  other.content = random_ballot(2).content;
  EXPECT_THAT(*box_->record(std::vector{random_ballot(1), other, random_ballot(1)}),
              ElementsAre(kRecorded, kOtherVote, kRecordedAgain));
  EXPECT_THAT(*box_->record(std::vector{other, random_ballot(1)}),
              ElementsAre(kOtherVote, kRecordedAgain));
  EXPECT_THAT(column("SELECT voting FROM votes"), ElementsAre("1"));
}

TEST_F(BallotBoxTest, VotesAreCountedByElectionAndOnlyOnce) {
  migrate();
  EXPECT_TRUE(box_->counts()->by_election.empty());
  std::vector<Ballot> batch = ballots_of(0, 10);
  batch[3].election = batch[4].election = 13;
  const auto other_session = make_postgres_ballot_box(config());
  box_->record(batch).IgnoreError();
  other_session->record(batch).IgnoreError();
  other_session->record(ballots_of(10, 15)).IgnoreError();
  EXPECT_EQ(box_->counts()->by_election, (std::map<std::int64_t, std::int64_t>{{12, 13}, {13, 2}}));
}

TEST_F(BallotBoxTest, VotesThatWereDeletedAreMissing) {
  migrate();
  box_->record(ballots_of(0, 10)).IgnoreError();
  EXPECT_EQ(make_postgres_ballot_box(config())->counts()->missing, 0);
  postgres_.query("DELETE FROM votes WHERE voting < 3");
  EXPECT_EQ(make_postgres_ballot_box(config())->counts()->missing, 3);
}

TEST_F(BallotBoxTest, ReceiptsOfAnEarlierVersionAreRefusedAndAnEmptyDatabaseIsMigrated) {
  const Migration& first = embedded_migrations()[0];
  postgres_.query(std::string(first.sql));
  postgres_.query(
      "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, checksum "
      "text NOT NULL)");
  postgres_.query("INSERT INTO schema_migrations VALUES (1, '" + std::string(first.name) + "', '" +
                  first.checksum() + "')");
  postgres_.query("INSERT INTO receipts VALUES ('x', 12)");
  const absl::Status status = box_->migrate();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("RECORDER_KEY"), HasSubstr("POSTGRES_DB")));
  postgres_.query("DELETE FROM receipts");
  migrate();
  EXPECT_THAT(*box_->record(ballots_of(0, 5)), Each(kRecorded));
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

TEST_F(BallotBoxTest, ATableOfTheOriginalProgramsIsNamedAndLeftUnchanged) {
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
