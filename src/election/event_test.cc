#include "election/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/election_test_events.h"

namespace pollbus {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view data) {
  return std::string(parse_event(data).status().message());
}

TEST(Event, EveryKindIsReadAsItWasWritten) {
  EventWriter writer(test_definition("codes", R"("closes":"2026-12-01T20:00")"));
  for (const EventKind kind :
       {EventKind::kDefine, EventKind::kRoll, EventKind::kAddVoter, EventKind::kOpen,
        EventKind::kPause, EventKind::kResume, EventKind::kExtend, EventKind::kClose,
        EventKind::kSeal, EventKind::kCertify}) {
    const Event event = writer.next(kind);
    const std::string data = encode(event);
    const auto parsed = parse_event(data);
    ASSERT_TRUE(parsed.ok()) << data << parsed.status();
    EXPECT_EQ(encode(*parsed), data);
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->marks, event.marks);
    EXPECT_EQ(parsed->tally, event.tally);
    EXPECT_EQ(parsed->roll, event.roll);
    EXPECT_EQ(parsed->added, event.added);
    EXPECT_EQ(parse_event_kind(to_text(kind)), kind);
  }
}

TEST(Event, AnEventIsWrittenInTheDocumentedForm) {
  Event event{.election = 12, .sequence = 3, .time_ms = kNoon, .kind = EventKind::kOpen};
  event.previous.fill(0xab);
  std::string hash;
  for (int i = 0; i < 32; ++i) hash += "ab";
  EXPECT_EQ(encode(event), R"({"election_ID":12,"kind":"open","previous":")" + hash +
                               R"(","sequence":3,"time":"2026-12-01T12:00:00Z"})");
}

TEST(Event, AnAddedVoterIsNotNamed) {
  const std::string data = encode(EventWriter(test_definition("roll")).next(EventKind::kAddVoter));
  EXPECT_THAT(data, HasSubstr(R"("commitment":"07000)"));
  std::string named = data;
  named.insert(named.size() - 1, R"(,"voter_ID":7)");
  EXPECT_FALSE(parse_event(named).ok());
}

TEST(Event, TheInstantsOfADefinitionTravelWithIt) {
  const Event event = EventWriter(test_definition("open", R"("closes":"2026-12-01T20:00")"))
                          .next(EventKind::kDefine);
  const std::string data = encode(event);
  EXPECT_THAT(data, HasSubstr(R"("closes_utc_ms":1796155200000)"));
  EXPECT_EQ(parse_event(data)->definition->closes->utc_ms, 1796155200000);
}

TEST(Event, AnythingThatIsNotTheCanonicalFormIsRefused) {
  const std::string data = encode(EventWriter(test_definition("open")).next(EventKind::kDefine));
  EXPECT_THAT(error_of(" " + data), HasSubstr("canonical form"));
  std::string more = data;
  more.insert(1, R"("aaa":1,)");
  EXPECT_THAT(error_of(more), HasSubstr("canonical form"));
  EXPECT_FALSE(parse_event(data.substr(0, data.size() - 1)).ok());
  EXPECT_FALSE(parse_event("{}").ok());
  EXPECT_FALSE(parse_event("[]").ok());
  EXPECT_FALSE(parse_event("").ok());
}

TEST(Event, AnEventOfAnOlderVersionThatNamesAnAddedVoterIsRefusedWithWhatToDo) {
  std::string old = encode(EventWriter(test_definition("roll")).next(EventKind::kAddVoter));
  const std::size_t commitment = old.find("\"commitment\"");
  old.erase(commitment, old.find(',', commitment) + 1 - commitment);
  old.insert(old.size() - 1, R"(,"voter_ID":43)");
  EXPECT_THAT(error_of(old), AllOf(HasSubstr("voter_ID is of an older version"),
                                   HasSubstr("define it again with another election_ID")));
}

TEST(Event, AFieldThatIsMissingOrWrongIsNamed) {
  const Event event{.election = 12, .sequence = 1, .time_ms = kNoon, .kind = EventKind::kOpen};
  const auto replaced = [&](const std::string& what, const std::string& with) {
    std::string data = encode(event);
    data.replace(data.find(what), what.size(), with);
    return error_of(data);
  };
  EXPECT_THAT(replaced("12,", "-1,"), HasSubstr("election_ID"));
  EXPECT_THAT(replaced("\"open\"", "\"explode\""), HasSubstr("kind"));
  EXPECT_THAT(replaced("\"open\"", "\"roll\""), HasSubstr("count is missing"));
  EXPECT_THAT(replaced("\"open\"", "\"define\""), HasSubstr("definition is missing"));
  EXPECT_THAT(replaced("12:00:00Z", "12:00:00"), HasSubstr("time"));
  EXPECT_THAT(replaced("0000", "000g"), HasSubstr("previous"));
  EXPECT_THAT(replaced("\"sequence\":1", "\"sequence\":0"), HasSubstr("sequence"));
}

TEST(Event, TheElectionOfADefineEventMustBeThatOfItsDefinition) {
  Event event = EventWriter(test_definition("open")).next(EventKind::kDefine);
  event.election = 13;
  EXPECT_THAT(error_of(encode(event)), HasSubstr("election_ID must be that of the definition"));
}

}  // namespace
}  // namespace pollbus
