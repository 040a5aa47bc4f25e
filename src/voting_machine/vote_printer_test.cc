#include "voting_machine/vote_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "election/messages.h"

namespace pollbus::voting_machine {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kUuid[] = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

class VotePrinterTest : public ::testing::Test {
 protected:
  void publish(VotePrinter::Show show) {
    VotePrinter printer(out, show, [] {});
    const Message message = wire::submit_message(vote);
    printer.published({&message, 1});
  }

  const SubmittedVote vote{.election = 12,
                           .machine = 3,
                           .voter = 4'711'815,
                           .choice = 98'765,
                           .uuid = kUuid,
                           .timestamp_ms = 1'709'908'090'964};
  std::ostringstream out;
};

TEST_F(VotePrinterTest, ShowsTheWholeMessageWhenVotesAreToBeShown) {
  publish(VotePrinter::Show::kVotes);
  EXPECT_EQ(out.str(), "The message " + wire::encode(vote) + " is sent\n");
}

TEST_F(VotePrinterTest, OtherwiseShowsNeitherVoterNorChoiceNorUuidNorTime) {
  publish(VotePrinter::Show::kNothingSecret);
  EXPECT_EQ(out.str(),
            "The message {\"machine_ID\":3,\"election_ID\":12,"
            "\"UUID\":\"...\"} is sent\n");
}

TEST_F(VotePrinterTest, ShowsTimeOutsAndAnswersAsTheOriginalProgramDoes) {
  const Answer answer{.result = {.outcome = Outcome::kRejected, .uuid = kUuid, .reason = "closed"},
                      .text = R"({"result":"Rejected","UUID":"u"})",
                      .latency = {}};
  for (const auto show : {VotePrinter::Show::kVotes, VotePrinter::Show::kNothingSecret}) {
    VotePrinter printer(out, show, [] {});
    printer.timed_out(std::vector<std::string>{kUuid, kUuid});
    printer.answered({&answer, 1});
  }
  EXPECT_EQ(out.str(),
            "Time out\nTime out\nReceived {\"result\":\"Rejected\",\"UUID\":\"u\"}.\n"
            "Time out\nTime out\n"
            "Received {\"result\":\"Rejected\",\"UUID\":\"...\",\"reason\":\"closed\"}.\n");
}

TEST_F(VotePrinterTest, SaysOnceThatTheOutputIsClosedAndPrintsNoMore) {
  int closed = 0;
  VotePrinter printer(out, VotePrinter::Show::kNothingSecret, [&] { ++closed; });
  printer.print("first");
  EXPECT_EQ(closed, 0);
  out.setstate(std::ios::badbit);
  printer.print("second");
  printer.print("third");
  EXPECT_EQ(closed, 1);
  EXPECT_TRUE(printer.is_closed());
  EXPECT_THAT(out.str(), Not(HasSubstr("third")));
}

}  // namespace
}  // namespace pollbus::voting_machine
