#include "election_office/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/files.h"
#include "election/roll.h"
#include "election_office/fake_services.h"
#include "support/manual_clock.h"
#include "support/temporary_folder.h"

namespace pollbus::election_office {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kWard4[] = R"({"election_ID":12,"event":"City 2026","title":{"en":"Ward 4"},
  "choices":[{"voting":0,"name":{"en":"Ada"}},{"voting":5,"name":{"en":"Alan"}}],
  "closes":"2024-03-09T20:00","time_zone":"America/Toronto","eligibility":"codes"})";

// One office folder, and services that outlive the runs of the tool.
class Commands : public ::testing::Test {
 protected:
  Commands() {
    OfficeFolder office(folder_ / "office");
    EXPECT_TRUE(std::filesystem::create_directories(folder_ / "office"));
    EXPECT_TRUE(write_whole_file(office.key_file(), FakeServices::key().reveal(), 0600).ok());
    write("ward4.json", kWard4);
    write("voters.csv", "voter_ID,name\n3,Ada\n1,Alan\n2,Grace\n");
    set_time();
  }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
  }
  void set_time() { world_.now_ms = unix_ms(clock_.wall_now()); }

  // A run of the tool, which may be cut short by the world.
  Outcome run(
      Outcome (*command)(Office&), std::vector<std::string> arguments = {},
      const std::function<void(Options&)>& change = [](Options&) {}) {
    Options options{.office = file("office"), .yes = true, .timeout = std::chrono::seconds(5)};
    options.arguments = std::move(arguments);
    change(options);
    Office office(std::move(options), clock_);
    office.use(std::make_unique<FakeServices>(world_));
    return command(office);
  }

  std::string line_of(
      Outcome (*command)(Office&), std::vector<std::string> arguments = {},
      const std::function<void(Options&)>& change = [](Options&) {}) {
    const Outcome outcome = run(command, std::move(arguments), change);
    if (!outcome.error.ok()) return std::string(outcome.error.message());
    return outcome.reports.empty() ? "" : outcome.reports.back().what;
  }

  // The voters vote.
  void vote(std::int64_t ada, std::int64_t alan) {
    auto& stored = world_.elections[12];
    stored.marks = stored.rows = ada + alan;
    stored.tally = {{5, alan}, {0, ada}};
  }

  std::int64_t sequence() { return world_.elections[12].recorder->sequence; }

  testing::TemporaryFolder folder_;
  testing::ManualClock clock_;
  FakeWorld world_;
};

TEST_F(Commands, AnElectionIsHeldFromItsDefinitionToItsCertificate) {
  EXPECT_THAT(line_of(check, {file("ward4.json")}), HasSubstr("is a valid definition"));
  EXPECT_THAT(line_of(define, {file("ward4.json")}), HasSubstr("Election 12 is defined"));
  EXPECT_THAT(line_of(import_roll, {file("voters.csv")}), HasSubstr("has 3 voters"));
  EXPECT_THAT(line_of(open), HasSubstr("Election 12 is open (event 3"));
  EXPECT_THAT(line_of(pause), HasSubstr("is paused"));
  EXPECT_THAT(line_of(resume), HasSubstr("is open again"));
  EXPECT_THAT(line_of(extend, {"+30m"}), HasSubstr("closes at 2024-03-09 20:30 America/Toronto"));
  vote(2, 1);
  EXPECT_THAT(line_of(close), HasSubstr("is closed"));
  EXPECT_THAT(line_of(seal), HasSubstr("is sealed with 3 votes"));
  EXPECT_THAT(line_of(certify), HasSubstr("is certified with 3 votes"));
  EXPECT_THAT(line_of(history), HasSubstr("All 9 events"));
  EXPECT_EQ(world_.elections[12].logger->phase, Phase::kCertified);
  const std::vector<ChoiceCount> tally = {{0, 2}, {5, 1}};
  EXPECT_EQ(world_.elections[12].recorder->tally, tally);
}

TEST_F(Commands, EveryCommandCanBeRepeated) {
  vote(1, 1);
  for (const auto& [command, arguments] :
       std::vector<std::pair<Outcome (*)(Office&), std::vector<std::string>>>{
           {define, {file("ward4.json")}},
           {import_roll, {file("voters.csv")}},
           {open, {}},
           {add_voter, {"9"}},
           {pause, {}},
           {resume, {}},
           {extend, {"2024-03-09T21:00"}},
           {extend, {"+30m"}},
           {close, {}},
           {seal, {}},
           {certify, {}}}) {
    ASSERT_TRUE(run(command, arguments).error.ok());
    const std::int64_t before = sequence();
    const Outcome again = run(command, arguments);
    EXPECT_TRUE(again.error.ok()) << again.error;
    EXPECT_EQ(sequence(), before) << again.reports.front().what;
  }
}

TEST_F(Commands, KilledBetweenAnyTwoStepsTheToolGoesOnWhereItWas) {
  const std::vector<std::pair<Outcome (*)(Office&), std::vector<std::string>>> steps = {
      {define, {file("ward4.json")}},
      {import_roll, {file("voters.csv")}},
      {open, {}},
      {pause, {}},
      {resume, {}},
      {extend, {"+30m"}},
      {add_voter, {"9"}},
      {close, {}},
      {seal, {}},
      {certify, {}}};
  for (const bool loses_answer : {false, true}) {
    for (std::int64_t death = 0; death < 70; ++death) {
      world_ = {};
      set_time();
      vote(2, 2);
      world_.loses_answer = loses_answer;
      world_.dies_after = death;
      for (const auto& [command, arguments] : steps) {
        if (run(command, arguments).error.ok()) continue;
        world_.dies_after.reset();  // the official repeats the command
        const Outcome again = run(command, arguments);
        ASSERT_TRUE(again.error.ok()) << "killed after " << death << ": " << again.error;
      }
      ASSERT_EQ(world_.elections[12].recorder->phase, Phase::kCertified) << death;
      ASSERT_EQ(sequence(), 10) << "killed after " << death;
      ASSERT_EQ(world_.elections[12].logger->last, world_.elections[12].recorder->last);
      ASSERT_TRUE(world_.elections[12].roll.contains(9)) << "killed after " << death;
    }
  }
}

TEST_F(Commands, TheSecondOfTwoOfficialsIsToldWhatTheFirstDid) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(open);
  bool is_first = true;
  world_.before_event = [&](const Event& event) {
    if (event.kind != EventKind::kPause || !std::exchange(is_first, false)) return;
    EXPECT_THAT(line_of(close), HasSubstr("is closed"));  // by the other official
  };
  EXPECT_THAT(line_of(pause), AllOf(HasSubstr("another official was faster"),
                                    HasSubstr("event 4, close, at 2024-03-08")));
  EXPECT_EQ(world_.elections[12].recorder->phase, Phase::kClosed);
}

TEST_F(Commands, AnElectionIsNotOpenedWithoutItsRoll) {
  run(define, {file("ward4.json")});
  EXPECT_THAT(line_of(open), AllOf(HasSubstr("not ready"), HasSubstr("needs a roll")));
}

TEST_F(Commands, WithoutTheLoggerNothingIsDoneAndTheOfficialIsToldToRepeat) {
  run(define, {file("ward4.json")});
  world_.logger_is_down = true;
  const Outcome outcome = run(pause);
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.error)) << outcome.error;
  EXPECT_EQ(print_outcome(outcome, Format::kText), kNotConfirmed);
  EXPECT_EQ(sequence(), 1);
}

TEST_F(Commands, AnotherDefinitionWithTheSameNumberIsRefused) {
  run(define, {file("ward4.json")});
  std::string other = kWard4;
  other.replace(other.find("Alan"), 4, "Alonzo");
  write("other.json", other);
  EXPECT_THAT(line_of(define, {file("other.json")}), HasSubstr("is defined already, differently"));
}

TEST_F(Commands, EveryProblemOfADefinitionIsPrinted) {
  write("bad.json", R"({"election_ID":"x","titel":{}})");
  EXPECT_THAT(line_of(check, {file("bad.json")}),
              AllOf(HasSubstr("has 6 problems"), HasSubstr("/titel is not a field"),
                    HasSubstr("/election_ID must be an integer")));
  EXPECT_THAT(line_of(check, {file("none.json")}), HasSubstr("none.json"));
}

TEST_F(Commands, ARollWithADuplicateVoterIsNotImported) {
  run(define, {file("ward4.json")});
  write("voters.csv", "voter_ID\n5\n6\n5\n05\n");
  EXPECT_THAT(
      line_of(import_roll, {file("voters.csv")}),
      AllOf(HasSubstr("nothing was imported"), HasSubstr("voter 5 is on lines 2, 4 and 5")));
  EXPECT_TRUE(world_.elections[12].chunks.empty());
}

TEST_F(Commands, ADryRunChangesNothingAndNeedsNoServices) {
  world_.dies_after = 0;
  EXPECT_THAT(line_of(import_roll, {file("voters.csv")}, [](Options& o) { o.dry_run = true; }),
              AllOf(HasSubstr("3 voters"), HasSubstr("dry run")));
  EXPECT_EQ(run(import_roll, {file("voters.csv")}, [](Options& o) { o.dry_run = true; })
                .reports.at(0)
                .next,
            "the same command without --dry-run");
}

TEST_F(Commands, ARollCanComeFromAPipeAndNotFromAFolder) {
  const auto dry = [](Options& options) { options.dry_run = true; };
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  std::thread writer([&] { write("pipe", "voter_ID\n5\n6\n"); });
  EXPECT_THAT(line_of(import_roll, {file("pipe")}, dry), HasSubstr("2 voters"));
  writer.join();
  const Outcome outcome = run(import_roll, {file("office")}, dry);
  EXPECT_THAT(std::string(outcome.error.message()), HasSubstr("Is a directory"));
  EXPECT_EQ(print_outcome(outcome, Format::kText), kRefused);
}

TEST_F(Commands, ARollIsReplacedBeforeTheOpeningAndNotAfterwards) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  write("voters.csv", "voter_ID\n1\n2\n");
  EXPECT_THAT(line_of(import_roll, {file("voters.csv")}), HasSubstr("has 2 voters"));
  run(open);
  write("voters.csv", "voter_ID\n1\n");
  EXPECT_THAT(line_of(import_roll, {file("voters.csv")}), HasSubstr("use add-voter"));
}

TEST_F(Commands, TheMailingListHasACodeForEachVoterThatTheLoggerKnows) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  const auto with_out = [&](Options& options) { options.out = file("codes.csv"); };
  EXPECT_THAT(line_of(write_codes, {}, with_out), HasSubstr("codes of 3 voters"));
  const std::string list = *read_whole_file(file("codes.csv"));
  EXPECT_THAT(list, ::testing::StartsWith("voter_ID,code\r\n1,"));
  const auto code = parse_voter_code(list.substr(list.find("\n1,") + 3, 19));
  ASSERT_TRUE(code);
  EXPECT_EQ(code->voter, 1);

  // The list keeps all columns of the roll, and the codes stay the same.
  const auto joined = [&](Options& options) {
    options.out = file("mail.csv");
    options.roll = file("voters.csv");
  };
  line_of(write_codes, {}, joined);
  EXPECT_THAT(*read_whole_file(file("mail.csv")),
              AllOf(::testing::StartsWith("voter_ID,name,code\r\n3,Ada,"),
                    HasSubstr("1,Alan," + format_voter_code(*code))));
  EXPECT_EQ(std::filesystem::status(file("mail.csv")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Commands, AnAddedVoterGetsACodeThatIsPrintedOnce) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  const Outcome outcome = run(add_voter, {"9"});
  ASSERT_TRUE(outcome.error.ok()) << outcome.error;
  EXPECT_THAT(outcome.reports.front().body, HasSubstr("Code of voter 9: "));
  EXPECT_EQ(world_.elections[12].recorder->voters(), 4);
}

TEST_F(Commands, AVoterWhoIsOnTheRollIsNotAddedAgain) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(add_voter, {"9"});
  for (const std::string voter : {"3", "9"}) {
    EXPECT_THAT(line_of(add_voter, {voter}), HasSubstr("is on the roll of election 12 already"));
  }
  EXPECT_EQ(sequence(), 3);
  EXPECT_EQ(world_.elections[12].recorder->voters(), 4);
}

TEST_F(Commands, NoEventNamesAnAddedVoter) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(add_voter, {"777000777001"});
  run(open);
  for (const SignedEvent& event : world_.elections[12].history) {
    EXPECT_THAT(event.data, Not(HasSubstr("777000777")));
  }
  EXPECT_THAT(run(history).reports.front().body, Not(HasSubstr("777000777")));
  EXPECT_TRUE(world_.elections[12].roll.contains(777'000'777'001));
}

TEST_F(Commands, ALoggerThatHasLostAnAddedVoterGetsTheVoterWhenTheCommandIsRepeated) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  const auto logger = world_.elections[12].logger;
  const auto roll = world_.elections[12].roll;
  run(add_voter, {"9"});
  // Redis is restored from a backup that was made before.
  world_.elections[12].logger = logger;
  world_.elections[12].roll = roll;
  EXPECT_THAT(line_of(open), HasSubstr("the voter is not known here"));
  EXPECT_THAT(line_of(add_voter, {"9"}), HasSubstr("is on the roll of election 12 already"));
  EXPECT_THAT(line_of(open), HasSubstr("is open"));
  EXPECT_TRUE(world_.elections[12].roll.contains(9));
}

TEST_F(Commands, SealingWaitsUntilTheLastVoteIsStored) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(open);
  vote(2, 1);
  world_.elections[12].rows = 2;  // one vote is on its way
  run(close);
  int attempts = 0;
  world_.before_event = [&](const Event& event) {
    if (event.kind == EventKind::kSeal && ++attempts == 3) world_.elections[12].rows = 3;
  };
  EXPECT_THAT(line_of(seal), HasSubstr("sealed with 3 votes"));
  EXPECT_EQ(attempts, 3);
}

TEST_F(Commands, AVoteThatNeverArrivesIsReportedWithBothNumbers) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(open);
  vote(2, 1);
  world_.elections[12].rows = 2;
  run(close);
  EXPECT_THAT(line_of(seal), HasSubstr("2 of 3 votes have arrived"));
}

TEST_F(Commands, WithSeveralElectionsTheOneThatIsMeantMustBeNamed) {
  run(define, {file("ward4.json")});
  std::string other = kWard4;
  other.replace(other.find("12"), 2, "13");
  write("ward5.json", other);
  run(define, {file("ward5.json")});
  EXPECT_THAT(line_of(import_roll, {file("voters.csv")}),
              HasSubstr("several elections are defined (12, 13)"));
  // Both elections of the event share the codes.
  const Outcome both =
      run(import_roll, {file("voters.csv")}, [](Options& options) { options.all = true; });
  ASSERT_TRUE(both.error.ok()) << both.error;
  EXPECT_EQ(both.reports.size(), 2);
  EXPECT_THAT(line_of(open, {}, [](Options& options) { options.elections = {"13"}; }),
              HasSubstr("Election 13 is open"));
  EXPECT_EQ(world_.elections[12].recorder->phase, Phase::kDefined);
}

TEST_F(Commands, TheElectionsOfOneEventAreChosenByItsName) {
  const auto define_copy = [&](const std::string& number, const std::string& event) {
    std::string text = kWard4;
    text.replace(text.find("12"), 2, number);
    text.replace(text.find("City 2026"), 9, event);
    write("copy.json", text);
    ASSERT_TRUE(run(define, {file("copy.json")}).error.ok());
  };
  define_copy("12", "City 2026");
  define_copy("13", "City 2026");
  define_copy("912", "Rehearsal");
  const auto of = [&](const char* event) {
    return [this, event](Options& options) {
      options.event = event;
      options.out = file("codes.csv");
    };
  };
  EXPECT_EQ(run(import_roll, {file("voters.csv")}, of("City 2026")).reports.size(), 2);
  // One list for both: they share the codes.
  EXPECT_EQ(run(write_codes, {}, of("City 2026")).reports.size(), 1);
  EXPECT_EQ(run(open, {}, of("City 2026")).reports.size(), 2);
  EXPECT_EQ(world_.elections[912].recorder->phase, Phase::kDefined);
  EXPECT_EQ(run(status, {}, of("Rehearsal")).reports.size(), 1);
  // The results of both need a folder: in one file, the second would replace the first.
  EXPECT_THAT(line_of(results, {}, of("City 2026")), HasSubstr("need a folder"));
  EXPECT_THAT(line_of(open, {}, of("City 2027")), HasSubstr("no election of the event"));

  // A list never has the codes of several events.
  run(import_roll, {file("voters.csv")}, of("Rehearsal"));
  const auto all = [&](Options& options) {
    options.all = true;
    options.out = file("all.csv");
  };
  EXPECT_THAT(line_of(write_codes, {}, all), HasSubstr("belong to different events"));
  EXPECT_FALSE(std::filesystem::exists(file("all.csv")));
}

TEST_F(Commands, TheClosingTimeIsMovedOnlyToALaterTimeThatExists) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(open);
  EXPECT_THAT(line_of(extend, {"2024-03-09T19:00"}), HasSubstr("must be later"));
  EXPECT_THAT(line_of(extend, {"2024-03-10T02:30"}), HasSubstr("does not exist"));
  EXPECT_THAT(line_of(extend, {"+5"}), HasSubstr("+30m"));
  EXPECT_THAT(line_of(extend, {"+2h"}), HasSubstr("2024-03-09 22:00"));
  // The same once more may be the repetition of an interrupted command; another time is not.
  EXPECT_THAT(line_of(extend, {"+2h"}), HasSubstr("was extended by this time just now"));
  EXPECT_EQ(sequence(), 4);
  EXPECT_THAT(line_of(extend, {"+1h"}), HasSubstr("2024-03-09 23:00"));
  run(pause);
  EXPECT_THAT(line_of(extend, {"+1h"}), HasSubstr("2024-03-10 00:00"));
}

TEST_F(Commands, AKeyIsMadeOnceAndOnlyItsOwnerCanReadIt) {
  const auto elsewhere = [&](Options& options) { options.office = file("elsewhere"); };
  EXPECT_THAT(line_of(keygen, {}, elsewhere), HasSubstr("office.key"));
  EXPECT_EQ(std::filesystem::status(file("elsewhere/office.key")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_THAT(line_of(keygen, {}, elsewhere), HasSubstr("exists already and is kept"));
  std::filesystem::permissions(file("elsewhere/office.key"), std::filesystem::perms(0644));
  EXPECT_THAT(line_of(open, {}, elsewhere), HasSubstr("chmod 600"));
  EXPECT_THAT(line_of(open, {}, [&](Options& o) { o.office = file("nowhere"); }),
              HasSubstr("election-office keygen"));
}

TEST_F(Commands, TheHistoryOfAnotherOfficeIsNotBelieved) {
  run(define, {file("ward4.json")});
  const auto elsewhere = [&](Options& options) { options.office = file("elsewhere"); };
  run(keygen, {}, elsewhere);
  EXPECT_THAT(line_of(open, {}, elsewhere), HasSubstr("signed with another key"));
}

TEST_F(Commands, AnElectionThatClosedByItsTimeIsClosedAndSealedLikeAnyOther) {
  run(define, {file("ward4.json")});
  run(import_roll, {file("voters.csv")});
  run(open);
  vote(1, 0);
  clock_.advance(std::chrono::hours(48));
  set_time();
  EXPECT_THAT(line_of(pause), HasSubstr("only an open election can be paused"));
  EXPECT_THAT(line_of(seal), HasSubstr("closed with close first"));
  EXPECT_THAT(line_of(close), HasSubstr("is closed"));
  EXPECT_THAT(line_of(seal), HasSubstr("is sealed with 1 vote"));
}

}  // namespace
}  // namespace pollbus::election_office
