#include "election/office_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/election_test_events.h"

namespace pollbus::wire {
namespace {

using testing::HasSubstr;

RollChunk some_chunk(bool has_codes) {
  RollChunk chunk{.election = 12, .roll = {9}, .chunk = 1, .chunks = 2, .count = 4'003};
  chunk.has_codes = has_codes;
  chunk.salt = {8};
  for (const std::int64_t voter : {0L, 43L, (1L << 53) - 1}) {
    chunk.voters.push_back({.voter = voter});
    if (has_codes) chunk.voters.back().code_hash = 0xfedcba9876543210 + chunk.voters.size();
  }
  return chunk;
}

TEST(OfficeMessages, ARollChunkIsReadAsItWasWritten) {
  for (const bool has_codes : {false, true}) {
    const RollChunk chunk = some_chunk(has_codes);
    const auto parsed = parse_office_command(encode(chunk));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const auto& read = std::get<RollChunk>(*parsed);
    EXPECT_EQ(read.voters, chunk.voters);
    EXPECT_EQ(read.roll, chunk.roll);
    EXPECT_EQ(read.chunk, 1);
    EXPECT_EQ(read.chunks, 2);
    EXPECT_EQ(read.count, 4'003);
    EXPECT_EQ(read.has_codes, has_codes);
    EXPECT_EQ(read.salt, chunk.salt);
    EXPECT_EQ(kind_of(*parsed), "roll chunk");
    EXPECT_EQ(election_of(*parsed), 12);
  }
}

TEST(OfficeMessages, TheBytesOfAChunkAreNumbersWithTheMostSignificantByteFirst) {
  RollChunk chunk{.has_codes = true};
  chunk.voters = {{.voter = 258, .code_hash = 1}};
  EXPECT_EQ(chunk_bytes(chunk), std::string("\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\1", 16));
  chunk.has_codes = false;
  EXPECT_EQ(chunk_bytes(chunk), std::string("\0\0\0\0\0\0\1\2", 8));
  EXPECT_EQ(roll_hash(sha256("salt"), {sha256("a"), sha256("b")}),
            sha256(std::string(bytes_of(sha256("salt"))) + std::string(bytes_of(sha256("a"))) +
                   std::string(bytes_of(sha256("b")))));
}

TEST(OfficeMessages, AFullChunkIsAllowedAndOneVoterMoreIsNot) {
  RollChunk chunk{.chunks = 1, .has_codes = true};
  for (std::size_t i = 0; i < kMaxChunkVoters; ++i) {
    chunk.voters.push_back({.voter = static_cast<std::int64_t>(i), .code_hash = i});
  }
  EXPECT_TRUE(parse_office_command(encode(chunk)).ok());
  chunk.voters.push_back({.voter = 4'000, .code_hash = 1});
  EXPECT_FALSE(parse_office_command(encode(chunk)).ok());
}

TEST(OfficeMessages, AChunkWithVotersTwiceOrOutOfOrderIsRefused) {
  RollChunk chunk = some_chunk(false);
  std::swap(chunk.voters[0], chunk.voters[1]);
  EXPECT_FALSE(parse_office_command(encode(chunk)).ok());
  chunk.voters = {{.voter = 5}, {.voter = 5}};
  EXPECT_FALSE(parse_office_command(encode(chunk)).ok());
  chunk.voters = {};
  EXPECT_FALSE(parse_office_command(encode(chunk)).ok());
  chunk = some_chunk(false);
  chunk.chunk = 2;
  EXPECT_FALSE(parse_office_command(encode(chunk)).ok());
}

NewVoter some_voter() {
  return {.election = 12,
          .entry = {.voter = 10'001, .code_hash = 0x00f0e0d0c0b0a090},
          .salt = {8},
          .uuid = "u"};
}

TEST(OfficeMessages, ANewVoterIsReadAsItWasWritten) {
  for (const bool has_code : {false, true}) {
    NewVoter voter = some_voter();
    if (!has_code) voter.entry.code_hash.reset();
    const auto parsed = parse_office_command(encode(voter));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const auto& read = std::get<NewVoter>(*parsed);
    EXPECT_EQ(read.entry, voter.entry);
    EXPECT_EQ(commitment_to(read), commitment_to(voter));
    EXPECT_EQ(kind_of(*parsed), "new voter");
    EXPECT_EQ(election_of(*parsed), 12);
  }
  NewVoter voter = some_voter();
  voter.uuid = "";
  EXPECT_FALSE(parse_office_command(encode(voter)).ok());
}

TEST(OfficeMessages, ACommitmentIsToOneVoterWithOneCodeInOneElectionUnderOneSalt) {
  const Sha256 commitment = commitment_to(some_voter());
  EXPECT_EQ(commitment,
            sha256("pollbus voter 08" + std::string(62, '0') + " 12 10001 00f0e0d0c0b0a090"));
  const auto changed = [](auto change) {
    NewVoter voter = some_voter();
    change(voter);
    return commitment_to(voter);
  };
  EXPECT_NE(commitment, changed([](NewVoter& v) { v.election = 13; }));
  EXPECT_NE(commitment, changed([](NewVoter& v) { v.entry.voter = 10'002; }));
  EXPECT_NE(commitment, changed([](NewVoter& v) { v.entry.code_hash = 1; }));
  EXPECT_NE(commitment, changed([](NewVoter& v) { v.entry.code_hash.reset(); }));
  EXPECT_NE(commitment, changed([](NewVoter& v) { v.salt = {9}; }));
}

TEST(OfficeMessages, RequestsAreReadAsTheyWereWritten) {
  for (const RequestKind kind :
       {RequestKind::kStatus, RequestKind::kHistory, RequestKind::kResults}) {
    const OfficeRequest request{.kind = kind, .election = 12, .from = 1, .uuid = "u"};
    const auto parsed = parse_office_command(encode(request));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(std::get<OfficeRequest>(*parsed).kind, kind);
    EXPECT_EQ(election_of(*parsed), 12);
  }
  EXPECT_TRUE(parse_office_command(encode(OfficeRequest{.uuid = "u"})).ok());
  EXPECT_FALSE(
      parse_office_command(encode(OfficeRequest{.kind = RequestKind::kHistory, .uuid = "u"})).ok());
  EXPECT_FALSE(parse_office_command(encode(OfficeRequest{.election = 1})).ok());
}

TEST(OfficeMessages, AnEventCommandCarriesTheHashOfItsData) {
  const std::string data = encode(EventWriter(test_definition("open")).next(EventKind::kDefine));
  const auto parsed = parse_office_command(data);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(std::get<EventCommand>(*parsed).hash, sha256(data));
  EXPECT_EQ(kind_of(*parsed), "define");
}

TEST(OfficeMessages, OtherCommandsAreRefusedWithoutQuotingThem) {
  for (const char* data : {"", "{}", "[]", "{\"kind\":\"secret\"}", "{\"kind\":7}", "\xff"}) {
    const auto parsed = parse_office_command(data);
    EXPECT_FALSE(parsed.ok());
    EXPECT_THAT(std::string(parsed.status().message()), testing::Not(HasSubstr("secret")));
  }
  EXPECT_FALSE(parse_office_command(std::string(kMaxOfficeMessageBytes + 1, ' ')).ok());
}

TEST(OfficeMessages, AnAnswerIsReadAsItWasWritten) {
  OfficeAnswer answer{.from = "logger", .kind = "seal", .election = 12, .request = sha256("x")};
  answer.result = CommandResult::kRefused;
  answer.reason = "the election is open";
  answer.state = AnsweredState{.phase = Phase::kPaused,
                               .sequence = 4,
                               .last = sha256("y"),
                               .opens_utc_ms = 1,
                               .closes_utc_ms = 2};
  answer.now_utc_ms = 3;
  answer.marks = 4;
  answer.roll = AnsweredRoll{.count = 5, .hash = {6}};
  answer.missing_chunks = {7, 8};
  answer.rows = 9;
  answer.events = {{"data", "signature"}};
  answer.tally = std::vector<ChoiceCount>{{0, 1}, {5, 2}};
  answer.by_machine = {{1, 2}};
  answer.elections = {{.election = 1, .state = *answer.state, .marks = 2}};
  const std::string data = encode(answer);
  const auto parsed = parse_office_answer(data);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(encode(*parsed), data);
  EXPECT_EQ(parsed->tally, answer.tally);
  EXPECT_EQ(parsed->events, answer.events);
  EXPECT_EQ(parsed->reason, answer.reason);
  EXPECT_EQ(parsed->state->closes_utc_ms, 2);
}

TEST(OfficeMessages, AnEmptyTallyIsNotTheSameAsNone) {
  OfficeAnswer answer{.from = "recorder", .kind = "results"};
  EXPECT_FALSE(parse_office_answer(encode(answer))->tally);
  answer.tally.emplace();
  EXPECT_TRUE(parse_office_answer(encode(answer))->tally);
}

TEST(OfficeMessages, AnswersThatAreNoneAreRefused) {
  for (const char* data : {"", "{}", "[]", R"({"from":"logger","kind":"open","request":"00"})"}) {
    EXPECT_FALSE(parse_office_answer(data).ok()) << data;
  }
}

TEST(OfficeMessages, ADescribeRequestNamesOneElectionOrAnEvent) {
  DescribeRequest request{.election = 12, .machine = 3, .uuid = "u"};
  EXPECT_EQ(encode(request), R"({"UUID":"u","election_ID":12,"machine_ID":3})");
  EXPECT_EQ(parse_describe(encode(request))->election, 12);
  request.event = "City 2026";
  EXPECT_FALSE(parse_describe(encode(request)).ok());
  request.election.reset();
  EXPECT_EQ(parse_describe(encode(request))->event, "City 2026");
  request.event.reset();
  EXPECT_FALSE(parse_describe(encode(request)).ok());
}

TEST(OfficeMessages, ADescribeAnswerIsReadAsItWasWrittenAndIsNoAnswerToAVote) {
  const DescribeAnswer answer{.uuid = "u", .elections = {{12, {{"d", "s"}}}}, .now_utc_ms = 5};
  const std::string data = encode(answer);
  const auto parsed = parse_describe_answer(data);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->elections.at(0).events.at(0).data, "d");
  EXPECT_EQ(parsed->now_utc_ms, 5);
  EXPECT_TRUE(is_describe_answer(data));
  EXPECT_FALSE(is_describe_answer(R"({"result":"successful","UUID":"u"})"));
  EXPECT_FALSE(is_describe_answer("["));
}

TEST(OfficeMessages, MessagesHaveTheAttributesOfTheFilters) {
  EXPECT_EQ(logger_office_filter(),
            R"(attributes.function="office command" AND attributes.to="logger")");
  EXPECT_EQ(recorder_office_filter(),
            R"((attributes.function="office command" AND attributes.to="recorder") OR )"
            R"(attributes.function="describe election")");
  EXPECT_EQ(office_answer_filter("ab"),
            R"(attributes.function="office answer" AND attributes.officeID="ab")");
  const Message command = office_command_message("d", kToLogger, "ab", "s");
  EXPECT_EQ(command.attribute("function"), "office command");
  EXPECT_EQ(command.attribute("to"), "logger");
  EXPECT_EQ(command.attribute("officeID"), "ab");
  EXPECT_EQ(command.attribute("signature"), "s");
  EXPECT_EQ(describe_message({.election = 1, .machine = 3}).attribute("machineID"), "3");
  EXPECT_EQ(describe_answer_message(3, {}).attribute("function"), "result");
  EXPECT_EQ(office_answer_message({}, "ab").attribute("officeID"), "ab");
}

}  // namespace
}  // namespace pollbus::wire
