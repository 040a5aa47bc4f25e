#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TextTest, NumbersMayHaveBlanksAroundThemAndNothingElse) {
  EXPECT_EQ(parse_integer("12"), 12);
  EXPECT_EQ(parse_integer(" -12\t\n"), -12);
  EXPECT_EQ(parse_number(" 0.25 "), 0.25);
  for (const char* bad : {"", " ", "1 2", "1x", "+1", "0x10", "1.0", "9223372036854775808"})
    EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
  for (const char* bad : {"", "fast", "1,5", "1 2"}) EXPECT_EQ(parse_number(bad), std::nullopt);
}

TEST(TextTest, ListsAreSplitAtCommasWithoutBlanksAndEmptyParts) {
  EXPECT_THAT(split_at_commas("a, b ,,c,"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_at_commas(" , ,"), IsEmpty());
  EXPECT_THAT(split_at_commas(""), IsEmpty());
}

TEST(TextTest, AnAddressIsAHostAndAPort) {
  const auto is = [](std::string_view text, const std::string& host, int port) {
    const auto parsed = parse_host_and_port(text);
    return parsed && parsed->host == host && parsed->port == port;
  };
  EXPECT_TRUE(is("localhost:8085", "localhost", 8085));
  EXPECT_TRUE(is(" 127.0.0.1:1 ", "127.0.0.1", 1));
  EXPECT_TRUE(is("[::1]:65535", "::1", 65535));
  for (const char* bad :
       {"", "localhost", ":8085", "[]:8085", "localhost:", "localhost:0", "localhost:65536",
        "localhost:http", "::1:8085", "[localhost]:8085", "http://localhost:8085", "a b:1"})
    EXPECT_EQ(parse_host_and_port(bad), std::nullopt) << bad;
}

TEST(TextTest, PortZeroIsAllowedOnRequest) {
  EXPECT_EQ(parse_host_and_port("localhost:0", 0)->port, 0);
  EXPECT_EQ(parse_host_and_port("localhost:-1", 0), std::nullopt);
}

TEST(TextTest, AnIpv6AddressIsWrittenInBrackets) {
  EXPECT_EQ(format_host_and_port("localhost", 1), "localhost:1");
  EXPECT_EQ(format_host_and_port("::1", 8085), "[::1]:8085");
  EXPECT_EQ(format_host_and_port("[::1]", 8085), "[::1]:8085");
}

TEST(TextTest, AnyTextBecomesAJsonString) {
  EXPECT_EQ(to_json_string("a\"b\n"), R"("a\"b\n")");
  EXPECT_EQ(to_json_string("\xff"), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace pollbus
