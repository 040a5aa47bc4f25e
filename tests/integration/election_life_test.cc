// What a closed election refuses, and which commands of the office take effect, with real services.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <regex>

#include "election/office_messages.h"
#include "integration/office_fixture.h"
#include "integration/witness.h"
#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class ElectionLifeTest : public ElectionOfficeTest {
 protected:
  int loggers() const override { return 2; }

  void open_for_everyone() {
    write("ward4.json", R"({"election_ID":12,"event":"City","title":{"en":"Ward 4"},
      "choices":[{"voting":0,"name":{"en":"Ada"}},{"voting":1,"name":{"en":"Alan"}}],
      "eligibility":"open"})");
    run("election-office define ward4.json");
    run("election-office open");
  }

  // Casts a vote for each of these voters at one machine.
  std::vector<SubmittedVote> cast(std::int64_t first, std::int64_t last) {
    std::vector<SubmittedVote> votes;
    for (std::int64_t voter = first; voter <= last; ++voter)
      votes.push_back(machines_[0]->draw(voter, voter % 2));
    EXPECT_TRUE(machines_[0]->cast(votes).ok());
    return votes;
  }

  int successful(const std::vector<SubmittedVote>& votes) const {
    int count = 0;
    for (const SubmittedVote& vote : votes) {
      const auto answers = machines_[0]->answers(vote.uuid, 1);
      count += !answers.empty() && answers.front().outcome == Outcome::kSuccessful ? 1 : 0;
    }
    return count;
  }
};

TEST_F(ElectionLifeTest, NoVoteCountsThatIsCastAfterTheCloseAlthoughALoggerWasStoppedBeforeIt) {
  open_for_everyone();
  const auto before = cast(1, 40);
  ASSERT_TRUE(machines_[0]->wait_for_all_answers(30s));
  ASSERT_EQ(successful(before), 40);

  // The stopped logger goes on receiving what is published for it, and marks nothing meanwhile.
  system_->loggers[0]->signal(SIGSTOP);
  const auto during = cast(41, 80);
  run("election-office close");
  const auto after = cast(81, 160);
  system_->loggers[0]->signal(SIGCONT);
  ASSERT_TRUE(machines_[0]->resolve_all(60s));

  for (const SubmittedVote& vote : after) {
    const auto answers = machines_[0]->answers(vote.uuid, 1);
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.front().outcome, Outcome::kRejected);
    EXPECT_EQ(answers.front().reason, kReasonClosed);
  }
  const int accepted = successful(before) + successful(during);
  EXPECT_GE(accepted, 40);
  EXPECT_THAT(run("election-office seal"),
              HasSubstr(fmt::format("sealed with {} votes", accepted)));
  run("election-office certify");
  EXPECT_EQ(system_->postgres.query("SELECT count(*) FROM votes WHERE electionid = 12")[0][0],
            std::to_string(accepted));
}

TEST_F(ElectionLifeTest, CommandsThatAreForgedReplayedOrOutOfOrderChangeNothing) {
  const Witness witness(system_->bus(), system_->topic());
  const Quarantine quarantine(system_->bus(), system_->topic());
  open_for_everyone();
  const auto expect_untouched = [&] {
    const std::string status = run("election-office status --json");
    EXPECT_THAT(status, HasSubstr("\"phase\": \"open\""));
    EXPECT_THAT(status, HasSubstr("\"sequence\": 2"));
    EXPECT_THAT(status, HasSubstr("\"logger_sequence\": 2"));
  };
  const std::string status = run("election-office status --json");
  std::smatch last;
  ASSERT_TRUE(std::regex_search(status, last, std::regex(R"("last": "([0-9a-f]{64}))"))) << status;
  const auto genuine = witness.messages(wire::kOfficeCommand);

  // Without the office's signature: a command that would close the election.
  const OfficePrivateKey office = office_key();
  const Event close{.election = 12,
                    .sequence = 3,
                    .previous = *parse_sha256(last[1].str()),
                    .time_ms = 1'709'908'090'000,
                    .kind = EventKind::kClose};
  const std::string data = encode(close);
  std::string other_digit = office.sign(data);
  other_digit[7] = other_digit[7] == '0' ? '1' : '0';
  std::size_t forged = 0;
  for (const std::string& signature :
       {std::string(), other_digit, OfficePrivateKey::generate().sign(data), office.sign("x")}) {
    for (const auto to : {wire::kToLogger, wire::kToRecorder}) {
      ++forged;
      const Message message = wire::office_command_message(data, to, "0a0b", signature);
      ASSERT_EQ(machines_[0]->publish(message), absl::OkStatus());
    }
  }
  EXPECT_TRUE(eventually(20s, [&] { return quarantine.notices().size() == forged; }));
  expect_untouched();

  // With its signature, but not the next event: a gap, another chain, an older number; and all that
  // it has commanded so far, once more and backwards.
  std::vector<Message> late;
  for (const auto& [sequence, previous] :
       {std::pair{5, close.previous}, {3, Sha256{1}}, {2, close.previous}}) {
    Event wrong = close;
    wrong.sequence = sequence;
    wrong.previous = previous;
    const std::string text = encode(wrong);
    for (const auto to : {wire::kToLogger, wire::kToRecorder})
      late.push_back(wire::office_command_message(text, to, "0a0b", office.sign(text)));
  }
  late.insert(late.end(), genuine.rbegin(), genuine.rend());
  const std::size_t answered = witness.count(wire::kOfficeAnswer);
  for (const Message& message : late) ASSERT_EQ(machines_[0]->publish(message), absl::OkStatus());
  EXPECT_TRUE(eventually(
      20s, [&] { return witness.count(wire::kOfficeAnswer) >= answered + late.size(); }));
  expect_untouched();
  EXPECT_EQ(rejection(1, ""), "");
  EXPECT_THAT(quarantine.notices(), SizeIs(forged));
  run("election-office close");
}

}  // namespace
}  // namespace pollbus::testing
