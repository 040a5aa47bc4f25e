// Defining, sealing and certifying elections in a real PostgreSQL.
#include "stores/event_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "integration/store_fixture.h"
#include "stores/migrations.h"
#include "support/eventually.h"

namespace pollbus {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::random_ballot;
using ::testing::SizeIs;
using enum BallotOutcome;
using Kind = ApplyOutcome::Kind;
using namespace std::chrono_literals;

constexpr std::int64_t kElection = 12;

class EventStoreTest : public testing::StoreTest {
 protected:
  void SetUp() override { migrate(); }

  NewEvent event(std::int64_t sequence, EventKind kind, Phase phase) const {
    NewEvent event;
    event.signed_event = {.data = "data of event " + std::to_string(sequence),
                          .signature = std::string(128, 'a')};
    event.event.election = kElection;
    event.event.sequence = sequence;
    event.event.kind = kind;
    event.state.phase = phase;
    event.state.sequence = sequence;
    event.state.definition.election = kElection;
    event.state.definition.event = "City \"2026\"";
    return event;
  }

  ApplyOutcome apply(const NewEvent& event) {
    const auto outcome = store_->apply(event);
    EXPECT_EQ(outcome.status(), absl::OkStatus());
    return outcome.ok() ? *outcome : ApplyOutcome{Kind::kRefused, "no answer"};
  }

  void define() {
    ASSERT_EQ(apply(event(1, EventKind::kDefine, Phase::kDefined)).kind, Kind::kApplied);
  }
  void close() {
    ASSERT_EQ(apply(event(2, EventKind::kClose, Phase::kClosed)).kind, Kind::kApplied);
  }

  ApplyOutcome seal(std::int64_t marks, std::int64_t sequence = 2) {
    NewEvent seal = event(sequence, EventKind::kSeal, Phase::kSealed);
    seal.event.marks = marks;
    return apply(seal);
  }

  ApplyOutcome certify(std::vector<ChoiceCount> tally) {
    NewEvent certify = event(3, EventKind::kCertify, Phase::kCertified);
    certify.event.tally = std::move(tally);
    return apply(certify);
  }

  // Votes from `from` to `to` - 1, spread over three machines and five choices.
  static std::vector<Ballot> votes_of(int from, int to, std::int64_t election = kElection) {
    std::vector<Ballot> ballots = testing::ballots_of(from, to);
    for (Ballot& ballot : ballots) {
      ballot.election = election;
      ballot.machine = ballot.choice % 3;
      ballot.choice %= 5;
    }
    return ballots;
  }

  void record(int from, int to) {
    const auto outcomes = box_->record(votes_of(from, to));
    ASSERT_EQ(outcomes.status(), absl::OkStatus());
    ASSERT_THAT(*outcomes, Each(kRecorded));
  }

  StoredVotes stored() {
    const auto votes = store_->votes(kElection);
    EXPECT_EQ(votes.status(), absl::OkStatus());
    return votes.value_or(StoredVotes{});
  }

  std::string rows() const { return one("SELECT count(*) FROM votes WHERE electionid = 12"); }

  std::unique_ptr<EventStore> store_ = make_postgres_event_store(config());
};

TEST_F(EventStoreTest, EventsAreReturnedInOrderExactlyAsTheyWereStored) {
  EXPECT_THAT(*store_->events(kElection, 1), IsEmpty());
  NewEvent first = event(1, EventKind::kDefine, Phase::kDefined);
  first.signed_event.data = "{\"title\":{\"fr\":\"Été \\u0000 \\\"4\\\"\"}}";
  EXPECT_EQ(apply(first).kind, Kind::kApplied);
  const NewEvent second = event(2, EventKind::kOpen, Phase::kOpen);
  EXPECT_EQ(apply(second).kind, Kind::kApplied);
  EXPECT_THAT(*store_->events(kElection, 1), ElementsAre(first.signed_event, second.signed_event));
  EXPECT_THAT(*store_->events(kElection, 2), ElementsAre(second.signed_event));
  EXPECT_THAT(*store_->events(kElection, 3), IsEmpty());
  EXPECT_THAT(*store_->events(13, 1), IsEmpty());
}

TEST_F(EventStoreTest, ElectionsAreFoundByTheirEvent) {
  define();
  EXPECT_THAT(*store_->elections("City \"2026\""), ElementsAre(kElection));
  EXPECT_THAT(*store_->elections("Another event"), IsEmpty());
  EXPECT_THAT(*store_->elections(std::nullopt), ElementsAre(kElection));
}

TEST_F(EventStoreTest, APlaceInTheChainIsTakenOnceAndNoPlaceIsLeftOut) {
  define();
  EXPECT_EQ(apply(event(1, EventKind::kDefine, Phase::kDefined)).kind, Kind::kTaken);
  const ApplyOutcome gap = apply(event(3, EventKind::kPause, Phase::kPaused));
  EXPECT_EQ(gap.kind, Kind::kRefused);
  EXPECT_THAT(gap.reason, HasSubstr("event 2 is missing"));
  EXPECT_THAT(*store_->events(kElection, 1), SizeIs(1));
}

TEST_F(EventStoreTest, OfOfficialsWhoActAtOnceOneIsFirst) {
  constexpr int kOfficials = 4;
  std::atomic<int> applied = 0;
  std::atomic<int> taken = 0;
  std::vector<std::thread> officials;
  for (int official = 0; official < kOfficials; ++official) {
    officials.emplace_back([&] {
      const auto own = make_postgres_event_store(config());
      const auto outcome = own->apply(event(1, EventKind::kDefine, Phase::kDefined));
      if (!outcome.ok()) return;
      applied += outcome->kind == Kind::kApplied;
      taken += outcome->kind == Kind::kTaken;
    });
  }
  for (std::thread& official : officials) official.join();
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(taken, kOfficials - 1);
}

TEST_F(EventStoreTest, AnElectionThatHasVotesCannotBeDefined) {
  record(0, 7);
  const ApplyOutcome outcome = apply(event(1, EventKind::kDefine, Phase::kDefined));
  EXPECT_EQ(outcome.kind, Kind::kRefused);
  EXPECT_THAT(outcome.reason, HasSubstr("7 votes that were cast before it was defined"));
  EXPECT_THAT(*store_->events(kElection, 1), IsEmpty());
  EXPECT_EQ(one("SELECT to_regclass('votes_12') IS NULL"), "t");
  record(7, 9);
}

TEST_F(EventStoreTest, VotesAreCountedByMachineAndTheTallyIsHiddenUntilTheElectionIsClosed) {
  define();
  record(0, 30);
  EXPECT_EQ(stored().rows, 30);
  EXPECT_THAT(stored().by_machine, ElementsAre(wire::MachineCount{0, 10}, wire::MachineCount{1, 10},
                                               wire::MachineCount{2, 10}));
  EXPECT_EQ(stored().tally, std::nullopt);
  EXPECT_THAT(column("SELECT voting FROM board_tally"), IsEmpty());
  close();
  EXPECT_THAT(*stored().tally, ElementsAre(ChoiceCount{0, 6}, ChoiceCount{1, 6}, ChoiceCount{2, 6},
                                           ChoiceCount{3, 6}, ChoiceCount{4, 6}));
  EXPECT_THAT(column("SELECT votes FROM board_tally"), ElementsAre("6", "6", "6", "6", "6"));
}

TEST_F(EventStoreTest, ALiveElectionShowsItsTallyWhileItIsOpen) {
  NewEvent live = event(1, EventKind::kDefine, Phase::kDefined);
  live.state.definition.results = ResultsVisibility::kLive;
  apply(live);
  EXPECT_THAT(*stored().tally, IsEmpty());
  record(0, 5);
  EXPECT_THAT(*stored().tally, SizeIs(5));
}

TEST_F(EventStoreTest, ATallyIsShownFromTheClosingTimeOn) {
  NewEvent past = event(1, EventKind::kDefine, Phase::kOpen);
  past.state.closes_ms = *store_->now_utc_ms() + 3'600'000;
  apply(past);
  EXPECT_EQ(stored().tally, std::nullopt);
  NewEvent extend = event(2, EventKind::kExtend, Phase::kOpen);
  extend.state.closes_ms = *store_->now_utc_ms() - 1;
  apply(extend);
  EXPECT_NE(stored().tally, std::nullopt);
}

TEST_F(EventStoreTest, UndefinedElectionsShowNoTally) {
  record(0, 5);
  EXPECT_EQ(stored().rows, 5);
  EXPECT_EQ(stored().tally, std::nullopt);
  EXPECT_THAT(column("SELECT voting FROM board_tally"), IsEmpty());
}

TEST_F(EventStoreTest, ASealIsRefusedWhileRowsAndMarksDiffer) {
  define();
  record(0, 10);
  for (const int marks : {11, 9}) {
    const ApplyOutcome outcome = seal(marks);
    EXPECT_EQ(outcome.kind, Kind::kRefused);
    EXPECT_THAT(outcome.reason, AllOf(HasSubstr("10 votes are stored"),
                                      HasSubstr(std::to_string(marks) + " voters are marked")));
  }
  record(10, 11);
  EXPECT_EQ(seal(11).kind, Kind::kApplied);
}

TEST_F(EventStoreTest, AnEventThatATriggerRejectsIsRefusedAndCanBeRepeatedWithoutTheTrigger) {
  define();
  record(0, 10);
  postgres_.query(
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''no''; END'");
  postgres_.query(
      "CREATE TRIGGER refuse BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION refuse()");
  const ApplyOutcome outcome = seal(10);
  EXPECT_EQ(outcome.kind, Kind::kRefused);
  EXPECT_THAT(outcome.reason, HasSubstr("P0001"));
  EXPECT_EQ(rows(), "10");
  postgres_.query("DROP TRIGGER refuse ON votes");
  EXPECT_EQ(seal(10).kind, Kind::kApplied);
}

TEST_F(EventStoreTest, AnElectionWithoutVotesCanBeSealed) {
  define();
  EXPECT_EQ(seal(0).kind, Kind::kApplied);
  EXPECT_EQ(certify({{0, 0}, {1, 0}}).kind, Kind::kApplied);
}

TEST_F(EventStoreTest, NoVoteIsAddedAfterTheSealAndStoredVotesAreStillRecognized) {
  define();
  record(0, 10);
  ASSERT_EQ(seal(10).kind, Kind::kApplied);
  ::testing::internal::CaptureStderr();
  std::vector<Ballot> batch = votes_of(9, 11);
  batch.push_back(votes_of(11, 12, 13).front());
  EXPECT_THAT(*box_->record(batch), ElementsAre(kRecordedAgain, kSealed, kRecorded));
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(rows(), "10");
  EXPECT_EQ(receipts(), "11");
  EXPECT_EQ(stored().rows, 10);
  for (const char* sql : {"INSERT INTO votes VALUES (gen_random_uuid(), 12, 1, 1)",
                          "INSERT INTO votes_12 VALUES (gen_random_uuid(), 12, 1, 1)",
                          "UPDATE votes SET voting = 1 WHERE electionid = 12",
                          "DELETE FROM votes WHERE electionid = 12",
                          "UPDATE vote_counts SET votes = 1 WHERE electionid = 12",
                          "INSERT INTO votes_default VALUES (gen_random_uuid(), 12, 1, 1)"}) {
    EXPECT_ANY_THROW(postgres_.query(sql)) << sql;
  }
  EXPECT_EQ(rows(), "10");
}

TEST_F(EventStoreTest, ASealWaitsForATransactionThatIsAddingAVote) {
  define();
  record(0, 10);
  std::thread late([&] {
    postgres_.query(
        "DO $$ BEGIN INSERT INTO votes VALUES (gen_random_uuid(), 12, 1, 1); PERFORM pg_sleep(2); "
        "END $$");
  });
  ASSERT_TRUE(testing::eventually(10s, [&] {
    return one("SELECT count(*) FROM pg_locks WHERE relation = 'votes_12'::regclass AND mode = "
               "'RowExclusiveLock'") == "1";
  }));
  // The vote in flight is not visible yet, so rows and marks seem to be equal.
  const ApplyOutcome outcome = seal(10);
  late.join();
  EXPECT_EQ(outcome.kind, Kind::kRefused);
  EXPECT_THAT(outcome.reason, HasSubstr("11 votes are stored"));
  EXPECT_EQ(seal(11).kind, Kind::kApplied);
}

TEST_F(EventStoreTest, WhileRecordersRecordASealLetsEachVoteInOrRefusesIt) {
  define();
  constexpr int kRecorders = 2;
  constexpr int kBatches = 60;
  constexpr int kBatch = 20;
  std::atomic<int> recorded = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> running = kRecorders;
  ::testing::internal::CaptureStderr();
  std::vector<std::thread> recorders;
  for (int recorder = 0; recorder < kRecorders; ++recorder) {
    recorders.emplace_back([&, recorder] {
      const auto own = make_postgres_ballot_box(config());
      for (int i = 0; i < kBatches; ++i) {
        const int from = (recorder * kBatches + i) * kBatch;
        const auto outcomes = own->record(votes_of(from, from + kBatch));
        EXPECT_EQ(outcomes.status(), absl::OkStatus());
        if (!outcomes.ok()) continue;
        recorded += static_cast<int>(std::ranges::count(*outcomes, kRecorded));
        refused += static_cast<int>(std::ranges::count(*outcomes, kSealed));
      }
      --running;
    });
  }
  // The office seals too early, with the number of rows that it sees instead of the marks.
  std::int64_t marks = -1;
  while (marks < 0 && running > 0) {
    const std::int64_t guess = stored().rows;
    if (guess >= kBatch && seal(guess).kind == Kind::kApplied) marks = guess;
  }
  for (std::thread& recorder : recorders) recorder.join();
  ::testing::internal::GetCapturedStderr();
  if (marks < 0) {
    marks = stored().rows;
    EXPECT_EQ(seal(marks).kind, Kind::kApplied);
  }
  EXPECT_EQ(recorded, marks);
  EXPECT_EQ(recorded + refused, kRecorders * kBatches * kBatch);
  EXPECT_EQ(rows(), std::to_string(marks));
  EXPECT_EQ(receipts(), std::to_string(marks));
  EXPECT_EQ(one("SELECT missing + uncounted FROM check_counts()"), "0");
}

TEST_F(EventStoreTest, CountsNeverFallForReadersDuringASeal) {
  define();
  record(0, 2'000);
  std::atomic<bool> is_sealed = false;
  std::thread reader([&] {
    const auto own = make_postgres_event_store(config());
    const auto watch = make_postgres_ballot_box(config());
    while (!is_sealed) {
      const auto votes = own->votes(kElection);
      ASSERT_EQ(votes.status(), absl::OkStatus());
      EXPECT_EQ(votes->rows, 2'000);
      const auto counts = watch->counts();
      ASSERT_EQ(counts.status(), absl::OkStatus());
      EXPECT_EQ(counts->by_election.at(kElection), 2'000);
    }
  });
  EXPECT_EQ(seal(2'000).kind, Kind::kApplied);
  is_sealed = true;
  reader.join();
}

TEST_F(EventStoreTest, SealedRowsTellNothingOfTheOrderInWhichTheyWereStored) {
  define();
  constexpr int kVotes = 300;
  for (int vote = 0; vote < kVotes; ++vote) {
    Ballot ballot = random_ballot(vote);
    ASSERT_EQ(box_->record(std::vector{ballot}).status(), absl::OkStatus());
  }
  const std::vector<std::string> before = column("SELECT id FROM votes_12 ORDER BY id");
  ASSERT_EQ(seal(kVotes).kind, Kind::kApplied);
  for (const char* table : {"votes_12", "vote_counts_12"}) {
    EXPECT_EQ(one(std::string("SELECT count(DISTINCT xmin::text) FROM ") + table), "1");
    EXPECT_EQ(one(std::string("SELECT n_dead_tup FROM pg_stat_all_tables WHERE relname = '") +
                  table + "'"),
              "0");
  }
  const std::vector<std::string> by_place = column("SELECT voting FROM votes_12 ORDER BY ctid");
  int in_place = 0;
  int in_order = 0;
  for (int i = 0; i < kVotes; ++i) {
    in_place += by_place[i] == std::to_string(i);
    if (i > 0) in_order += std::stoi(by_place[i - 1]) < std::stoi(by_place[i]);
  }
  // One match and 149.5 ascents are expected by chance.
  EXPECT_LT(in_place, 15);
  EXPECT_GT(in_order, 105);
  EXPECT_LT(in_order, 195);
  for (const std::string& id : column("SELECT id FROM votes_12")) {
    EXPECT_FALSE(std::ranges::binary_search(before, id));
  }
  // Every row on the pages is alive, and the pages hold nothing else.
  postgres_.query("CREATE EXTENSION pageinspect");
  EXPECT_EQ(
      one("SELECT count(*) FROM generate_series(0, pg_relation_size('votes_12') / 8192 - 1) AS "
          "page, heap_page_items(get_raw_page('votes_12', page::int))"),
      std::to_string(kVotes));
}

TEST_F(EventStoreTest, ASealNoticesVotesThatWereChangedByHand) {
  define();
  record(0, 10);
  postgres_.query(
      "UPDATE votes SET voting = 4 WHERE id = (SELECT id FROM votes WHERE voting = 0 LIMIT 1)");
  const ApplyOutcome outcome = seal(10);
  EXPECT_EQ(outcome.kind, Kind::kRefused);
  EXPECT_THAT(outcome.reason, HasSubstr("changed by hand"));
  EXPECT_EQ(one("SELECT missing FROM check_counts()"), "1");
  EXPECT_EQ(one("SELECT uncounted FROM check_counts()"), "1");
  EXPECT_EQ(make_postgres_ballot_box(config())->counts()->missing, 1);
  record(10, 11);
}

TEST_F(EventStoreTest, OnlyTheTallyOfTheStoredVotesIsCertified) {
  define();
  record(0, 10);
  ASSERT_EQ(seal(10).kind, Kind::kApplied);
  const std::vector<std::vector<ChoiceCount>> wrong = {
      {},
      {{0, 2}, {1, 2}, {2, 2}, {3, 2}},
      {{0, 2}, {1, 2}, {2, 2}, {3, 2}, {4, 3}},
      {{0, 2}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {5, 1}},
      {{0, 2}, {0, 2}, {1, 2}, {2, 2}, {3, 2}, {4, 2}},
      {{0, 3}, {1, 1}, {2, 2}, {3, 2}, {4, 2}}};
  for (const auto& tally : wrong) {
    const ApplyOutcome outcome = certify(tally);
    EXPECT_EQ(outcome.kind, Kind::kRefused);
    EXPECT_THAT(outcome.reason, HasSubstr("differs"));
  }
  EXPECT_EQ(certify({{0, 2}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {5, 0}}).kind, Kind::kApplied);
}

TEST_F(EventStoreTest, AServerThatIsKilledDuringASealHasSealedAllOrNothing) {
  define();
  record(0, 5'000);
  std::thread killer([&] {
    testing::eventually(10s, [&] {
      return one("SELECT count(*) FROM pg_locks WHERE relation = 'votes_12'::regclass AND mode = "
                 "'AccessExclusiveLock'") == "1";
    });
    postgres_.kill();
  });
  NewEvent sealing = event(2, EventKind::kSeal, Phase::kSealed);
  sealing.event.marks = 5'000;
  const auto outcome = store_->apply(sealing);
  killer.join();
  postgres_.start();
  EXPECT_EQ(rows(), "5000");
  EXPECT_EQ(one("SELECT missing + uncounted FROM check_counts()"), "0");
  EXPECT_FALSE(store_->events(kElection, 1).ok());  // the broken session
  const ApplyOutcome again = seal(5'000);
  EXPECT_TRUE(again.kind == Kind::kTaken || (again.kind == Kind::kApplied && !outcome.ok()));
  EXPECT_THAT(*store_->events(kElection, 1), SizeIs(2));
  EXPECT_FALSE(box_->check().ok());  // its broken session
  ::testing::internal::CaptureStderr();
  EXPECT_THAT(*box_->record(votes_of(5'000, 5'001)), ElementsAre(kSealed));
  ::testing::internal::GetCapturedStderr();
}

TEST_F(EventStoreTest, AStopRequestEndsACallThatWaits) {
  define();
  record(0, 10);
  std::thread holder([&] {
    postgres_.query("DO $$ BEGIN LOCK TABLE votes_12 IN SHARE MODE; PERFORM pg_sleep(3); END $$");
  });
  ASSERT_TRUE(testing::eventually(10s, [&] {
    return one("SELECT count(*) FROM pg_locks WHERE relation = 'votes_12'::regclass AND mode = "
               "'ShareLock'") == "1";
  }));
  std::stop_source stop;
  store_->stop_with(stop.get_token());
  stop.request_stop();
  NewEvent sealing = event(2, EventKind::kSeal, Phase::kSealed);
  sealing.event.marks = 10;
  EXPECT_EQ(store_->apply(sealing).status().code(), absl::StatusCode::kCancelled);
  holder.join();
}

TEST_F(EventStoreTest, TurnoutIsKeptByMinute) {
  define();
  record(0, 10);
  record(10, 15);
  EXPECT_EQ(one("SELECT sum(votes) FROM board_turnout_by_minute WHERE electionid = 12"), "15");
  EXPECT_EQ(
      one("SELECT bool_and(minute = date_trunc('minute', minute) AND minute > now() - interval "
          "'10 minutes') FROM board_turnout_by_minute"),
      "t");
}

TEST_F(EventStoreTest, RecordersThatRecordAtOnceCountInSlotsOfTheirOwn) {
  const auto other = make_postgres_ballot_box(config());
  record(0, 5);
  EXPECT_THAT(*other->record(votes_of(5, 10)), Each(kRecorded));
  EXPECT_THAT(column("SELECT DISTINCT slot FROM vote_counts ORDER BY 1"), ElementsAre("0", "1"));
}

class MigrationTest : public testing::StoreTest {
 protected:
  // The tables of the second version, with votes.
  void SetUp() override {
    postgres_.query(
        "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, checksum "
        "text NOT NULL)");
    for (const Migration& migration : embedded_migrations().first(2)) {
      postgres_.query(std::string(migration.sql));
      postgres_.query("INSERT INTO schema_migrations VALUES (" + std::to_string(migration.version) +
                      ", '" + std::string(migration.name) + "', '" + migration.checksum() + "')");
    }
    postgres_.query(
        "INSERT INTO votes SELECT gen_random_uuid(), 12, i % 3, i % 5 FROM generate_series(1, 30) "
        "i");
    postgres_.query("INSERT INTO vote_counts VALUES (12, 1, 10), (12, 2, 20)");
  }
};

TEST_F(MigrationTest, VotesOfTheSecondVersionAreKeptAndCounted) {
  migrate();
  EXPECT_EQ(votes(), "30");
  EXPECT_EQ(box_->counts()->by_election, (std::map<std::int64_t, std::int64_t>{{12, 30}}));
  EXPECT_EQ(box_->counts()->missing, 0);
  EXPECT_EQ(one("SELECT count(*) FROM vote_counts WHERE votes = 2"), "15");
  EXPECT_THAT(*box_->record(testing::ballots_of(0, 5)), Each(kRecorded));
}

TEST_F(MigrationTest, ADatabaseThatHasLostVotesIsNotMigrated) {
  postgres_.query("DELETE FROM votes WHERE voting = 0");
  const absl::Status status = box_->migrate();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has lost votes"));
  EXPECT_EQ(one("SELECT max(version) FROM schema_migrations"), "2");
}

}  // namespace
}  // namespace pollbus
