#include "election/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "election/json_fields.h"

namespace pollbus::wire {
namespace {

const std::string kUuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

std::string submit_json(const std::string& changed = "", const std::string& value = "") {
  std::string json = "{";
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"machine_ID", "3"},   {"voter_ID", "43"},           {"voting", "4"},
      {"election_ID", "12"}, {"UUID", "\"" + kUuid + '"'}, {"timestamp", "1709908090964"}};
  for (const auto& [name, usual] : fields) {
    const std::string& text = name == changed ? value : usual;
    if (text.empty()) continue;
    if (json.size() > 1) json += ',';
    json += '"' + name + "\":" + text;
  }
  return json + '}';
}

BadMessage bad(const std::string& data) {
  auto parsed = parse_submitted(data);
  if (auto* message = std::get_if<BadMessage>(&parsed)) return *message;
  ADD_FAILURE() << "was taken for a vote: " << data.substr(0, 200);
  return {};
}

bool is_vote(const std::string& data) {
  return std::holds_alternative<SubmittedVote>(parse_submitted(data));
}

TEST(WireTest, FiltersAreThoseOfTheOriginal) {
  EXPECT_EQ(submit_filter(), "attributes.function=\"submit vote\"");
  EXPECT_EQ(record_filter(), "attributes.function=\"record vote\"");
  EXPECT_EQ(result_filter(3), "attributes.function=\"result\" AND attributes.machineID=\"3\"");
}

TEST(WireTest, AVoteMayHaveACode) {
  SubmittedVote vote{.election = 12,
                     .machine = 3,
                     .voter = 43,
                     .choice = 4,
                     .uuid = kUuid,
                     .timestamp_ms = {},
                     .code = "00A7-\"3KQ4"};
  std::string json = submit_json("timestamp", "");
  json.insert(json.size() - 1, R"(,"code":"00A7-\"3KQ4")");
  EXPECT_EQ(encode(vote), json);
  const auto parsed = parse_submitted(json);
  ASSERT_TRUE(std::holds_alternative<SubmittedVote>(parsed));
  EXPECT_EQ(std::get<SubmittedVote>(parsed).code, vote.code);
  EXPECT_EQ(bad(submit_json("timestamp", "1,\"code\":7")).reason, "code must be a text");
}

TEST(WireTest, MessagesAreWrittenAsTheOriginalWritesThem) {
  EXPECT_EQ(encode(SubmittedVote{.election = 12,
                                 .machine = 3,
                                 .voter = 43,
                                 .choice = 4,
                                 .uuid = kUuid,
                                 .timestamp_ms = 1709908090964}),
            submit_json());
  EXPECT_EQ(encode(AnonymousVote{.election = 12, .machine = 3, .choice = 4, .uuid = kUuid}),
            R"({"machine_ID":3,"voting":4,"election_ID":12,"UUID":")" + kUuid + "\"}");
  EXPECT_EQ(encode(Result{.outcome = Outcome::kSuccessful, .uuid = kUuid, .reason = "unused"}),
            R"({"result":"successful","UUID":")" + kUuid + "\"}");
  EXPECT_EQ(encode(Result{.outcome = Outcome::kAlreadyVoted, .uuid = kUuid, .reason = ""}),
            R"({"result":"Already Voted!!!","UUID":")" + kUuid + "\"}");
  EXPECT_EQ(encode(Result{.outcome = Outcome::kRejected, .uuid = "a\"\n", .reason = "why"}),
            R"({"result":"Rejected","UUID":"a\"\n","reason":"why"})");
}

TEST(WireTest, AVoteWithoutTimestampIsAVote) {
  const auto parsed = parse_submitted(submit_json("timestamp", ""));
  const auto* vote = std::get_if<SubmittedVote>(&parsed);
  ASSERT_NE(vote, nullptr);
  EXPECT_FALSE(vote->timestamp_ms.has_value());
  EXPECT_EQ(encode(*vote), submit_json("timestamp", ""));
}

TEST(WireTest, EncodedMessagesAreParsedAgain) {
  const SubmittedVote vote{.election = kMaxId,
                           .machine = 0,
                           .voter = kMaxId,
                           .choice = kMaxChoice,
                           .uuid = kUuid,
                           .timestamp_ms = 0};
  EXPECT_EQ(encode(std::get<SubmittedVote>(parse_submitted(encode(vote)))), encode(vote));
  const AnonymousVote recorded{.election = 1, .machine = 2, .choice = 3, .uuid = kUuid};
  EXPECT_EQ(encode(std::get<AnonymousVote>(parse_recorded(encode(recorded)))), encode(recorded));
  for (const Result& result :
       {Result{Outcome::kSuccessful, kUuid, ""}, Result{Outcome::kAlreadyVoted, kUuid, ""},
        Result{Outcome::kRejected, "not a UUID \x01 \xc3\xa9", "why"}}) {
    const auto parsed = std::get<Result>(parse_result(encode(result)));
    EXPECT_EQ(parsed.outcome, result.outcome);
    EXPECT_EQ(parsed.uuid, result.uuid);
    EXPECT_EQ(parsed.reason, result.reason);
  }
}

TEST(WireTest, SpacesOrderUnknownFieldsAndEscapesDoNotMatter) {
  EXPECT_TRUE(is_vote(R"( { "election_ID" : 12, "UUID": ")" + kUuid + R"(", "x": {"voting": "no",
      "UUID": [1, {"machine_ID": null}]}, "": 1.5e3, "voter_ID": 43, "\u0076oting": 4,
      "y": "\ud83d\ude00", "y": [], "machine_ID": 3 } )"));
}

TEST(WireTest, NestingOfAnyDepthIsSkipped) {
  constexpr int kDepth = 30'000;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_TRUE(is_vote(submit_json().replace(0, 1, "{\"deep\":" + deep + ",")));
  EXPECT_EQ(bad("{\"machine_ID\":3,\"deep\":" + std::string(kMaxParsedBytes - 50, '[')).machine, 3);
}

struct FieldCase {
  const char* field;
  const char* value;
  const char* reason;
};

TEST(WireTest, AnInvalidFieldIsNamedInTheAnswerToItsSender) {
  constexpr const char* kIdReason = " must be an integer from 0 to 9007199254740991";
  const std::vector<FieldCase> cases = {
      {"voter_ID", "", "voter_ID is missing"},
      {"voting", "", "voting is missing"},
      {"election_ID", "", "election_ID is missing"},
      {"voter_ID", "-1", kIdReason},
      {"voter_ID", "9007199254740992", kIdReason},
      {"voter_ID", "9223372036854775808", kIdReason},
      {"voter_ID", "18446744073709551616", kIdReason},
      {"voter_ID", "1e400", "the message is not JSON"},
      {"voter_ID", "3.0", kIdReason},
      {"voter_ID", "3e0", kIdReason},
      {"voter_ID", "true", kIdReason},
      {"voter_ID", "null", kIdReason},
      {"voter_ID", "\"3\"", kIdReason},
      {"voter_ID", "[3]", kIdReason},
      {"voter_ID", "{\"voter_ID\":3}", kIdReason},
      {"voter_ID", "1,\"voter_ID\":1", "voter_ID is given more than once"},
      {"voter_ID", "1,\"voter\\u005fID\":1", "voter_ID is given more than once"},
      {"voting", "2147483648", "voting must be an integer from 0 to 2147483647"},
      {"voting", "-2147483648", "voting must be an integer from 0 to 2147483647"},
      {"election_ID", "12.5", kIdReason},
      {"timestamp", "1709908090.964", "timestamp must be an integer"},
      {"timestamp", "null", "timestamp must be an integer"},
      {"timestamp", "1,\"timestamp\":2", "timestamp is given more than once"},
  };
  for (const FieldCase& each : cases) {
    SCOPED_TRACE(submit_json(each.field, each.value));
    const BadMessage message = bad(submit_json(each.field, each.value));
    EXPECT_NE(message.reason.find(each.reason), std::string::npos) << message.reason;
    if (std::string(each.reason).find("JSON") == std::string::npos) {
      EXPECT_EQ(message.reason.find(each.field), 0u) << message.reason;
      EXPECT_EQ(message.uuid, kUuid);
    }
    EXPECT_EQ(message.machine, 3);
  }
}

TEST(WireTest, AnUnusableMachineIsNotAnswered) {
  for (const char* value : {"", "-1", "3.0", "\"3\"", "9007199254740992", "3,\"machine_ID\":4"}) {
    const BadMessage message = bad(submit_json("machine_ID", value));
    EXPECT_EQ(message.reason.find("machine_ID "), 0u) << message.reason;
    EXPECT_EQ(message.machine, std::nullopt) << value;
    EXPECT_EQ(message.uuid, kUuid) << value;
  }
}

TEST(WireTest, ATextInPlaceOfTheUuidIsAnsweredUpToABound) {
  const std::string longest(128, 'x');
  const std::vector<std::pair<std::string, std::optional<std::string>>> cases = {
      {"", std::nullopt},
      {"7", std::nullopt},
      {"null", std::nullopt},
      {"\"\"", std::nullopt},
      {"\"7\"", "7"},
      {"\"{" + kUuid + "}\"", "{" + kUuid + "}"},
      {"\"\\u0000\\u00e9\"", std::string("\0\xc3\xa9", 3)},
      {"\"" + longest + "\"", longest},
      {"\"" + longest + "x\"", std::nullopt},
      {"\"" + kUuid + "\",\"UUID\":\"" + kUuid + "\"", std::nullopt},
  };
  for (const auto& [value, uuid] : cases) {
    const BadMessage message = bad(submit_json("UUID", value));
    EXPECT_EQ(message.reason.find("UUID "), 0u) << message.reason;
    EXPECT_EQ(message.machine, 3);
    EXPECT_EQ(message.uuid, uuid) << value;
  }
}

TEST(WireTest, DataThatIsNotOneJsonObjectIsRefused) {
  const std::string vote = submit_json();
  const std::vector<std::string> documents = {
      "", " ", "null", "3", "\"text\"", "[]", "[" + vote + "]", "{", "{}}", "vote",
      vote.substr(0, vote.size() - 1), vote + "x", vote + vote, vote + std::string(1, '\0'),
      vote + std::string("\0junk", 5), submit_json("voting", "04"), submit_json("voting", "+4"),
      submit_json("voting", "NaN"), submit_json("voting", "0x4"), submit_json("voting", "4,"),
      // Not UTF-8: a stray byte, an overlong form, half a surrogate pair.
      submit_json().replace(0, 1, "{\"x\":\"\xff\","), submit_json("UUID", "\"\xc0\xaf\""),
      submit_json().replace(0, 1, "{\"x\":\"\\ud800\","),
      // Comments are not JSON.
      vote + "/**/"};
  for (const std::string& document : documents) {
    const BadMessage message = bad(document);
    EXPECT_EQ(message.reason.find("the message "), 0u) << message.reason;
  }
}

TEST(WireTest, TheSenderOfATruncatedVoteIsFoundIfItComesBeforeTheError) {
  const BadMessage message = bad(R"({"machine_ID":3,"UUID":")" + kUuid + R"(","voting":)");
  EXPECT_EQ(message.machine, 3);
  EXPECT_EQ(message.uuid, kUuid);
}

TEST(WireTest, AMessageOverItsLimitIsRefusedAndItsSenderFound) {
  const auto padded = [](std::size_t bytes) {
    std::string json = submit_json();
    json.insert(json.size() - 1, ",\"x\":\"\"");
    json.insert(json.size() - 2, bytes - json.size(), 'x');
    return json;
  };
  EXPECT_TRUE(is_vote(padded(kMaxMessageBytes)));
  for (const std::size_t bytes : {kMaxMessageBytes + 1, kMaxParsedBytes}) {
    const BadMessage message = bad(padded(bytes));
    EXPECT_EQ(message.reason, "the message is larger than 65536 bytes");
    EXPECT_EQ(message.machine, 3);
    EXPECT_EQ(message.uuid, kUuid);
  }
  const BadMessage message = bad(padded(kMaxParsedBytes + 1));
  EXPECT_EQ(message.reason, "the message is larger than 65536 bytes");
  EXPECT_EQ(message.machine, std::nullopt);
  EXPECT_EQ(message.uuid, std::nullopt);
}

TEST(WireTest, ReasonsQuoteNoValue) {
  for (const char* field : {"machine_ID", "voter_ID", "voting", "election_ID", "UUID"}) {
    for (const char* value : {"\"canary", "\"canary\"", "canary", "[\"canary\"]", "\"canary\" 1"}) {
      const BadMessage message = bad(submit_json(field, value));
      EXPECT_EQ(message.reason.find("canary"), std::string::npos) << message.reason;
    }
  }
}

TEST(WireTest, ARecordedVoteNeedsNoVoterAndIgnoresOne) {
  const auto parsed = parse_recorded(submit_json("voter_ID", "\"nobody's\""));
  const auto* vote = std::get_if<AnonymousVote>(&parsed);
  ASSERT_NE(vote, nullptr);
  EXPECT_EQ(vote->choice, 4);
  const auto refused = parse_recorded(submit_json("voting", ""));
  EXPECT_EQ(std::get<BadMessage>(refused).reason, "voting is missing");
  EXPECT_EQ(std::get<BadMessage>(refused).machine, 3);
}

TEST(WireTest, AResultIsOneOfThreeTexts) {
  const std::string uuid = ",\"UUID\":\"" + kUuid + "\"";
  for (const char* text : {"\"success\"", "\"\"", "3", "null", "\"successful\",\"result\":\"x\""}) {
    const auto parsed = parse_result("{\"result\":" + std::string(text) + uuid + "}");
    ASSERT_TRUE(std::holds_alternative<BadMessage>(parsed)) << text;
    EXPECT_EQ(std::get<BadMessage>(parsed).uuid, kUuid);
    EXPECT_EQ(std::get<BadMessage>(parsed).reason.find("result "), 0u);
  }
  for (const char* rest :
       {"}", ",\"UUID\":\"\"}", ",\"UUID\":3}", ",\"UUID\":\"x\",\"reason\":3}"}) {
    const auto parsed = parse_result("{\"result\":\"successful\"" + std::string(rest));
    EXPECT_TRUE(std::holds_alternative<BadMessage>(parsed)) << rest;
  }
  const auto parsed =
      parse_result("{\"result\":\"successful\",\"reason\":\"unasked\"" + uuid + "}");
  EXPECT_EQ(std::get<Result>(parsed).reason, "");
}

// An escaped name is left to the parser, so each text is read in both ways.
TEST(WireTest, PlainMessagesAreReadAsTheParserReadsThem) {
  const std::string plain =
      R"({"machine_ID":3,"voter_ID":43,"voting":4,"election_ID":12,)"
      R"("UUID":"123e4567-e89b-12d3-a456-426614174000","timestamp":1709908090964,"code":"00A7-3K","x":[]})";
  const std::string replacements = "\"{}[]:,0 9aE.+-\\\n\x01\x7f\x80" + std::string(1, '\0');
  int readable = 0;
  for (const std::string& whole : {plain, plain.substr(0, plain.size() - 8) + "}"}) {
    for (std::size_t at = 1; at < whole.size(); ++at) {
      for (const char c : replacements) {
        std::string data = whole;
        data[at] = c;
        const auto fast = wire::parse_submitted(data);
        const auto slow = wire::parse_submitted(R"({"\u0061":0,)" + data.substr(1));
        ASSERT_EQ(fast.index(), slow.index()) << data;
        if (const auto* vote = std::get_if<SubmittedVote>(&fast)) {
          ++readable;
          ASSERT_EQ(wire::encode(*vote), wire::encode(std::get<SubmittedVote>(slow))) << data;
        } else {
          const auto& bad = std::get<wire::BadMessage>(fast);
          const auto& its_bad = std::get<wire::BadMessage>(slow);
          ASSERT_EQ(bad.machine, its_bad.machine) << data;
          ASSERT_EQ(bad.uuid, its_bad.uuid) << data;
        }
      }
    }
  }
  EXPECT_GT(readable, 100);
}

}  // namespace
}  // namespace pollbus::wire
