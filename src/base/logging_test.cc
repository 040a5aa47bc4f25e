#include "base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

namespace pollbus {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string logged(LogFormat format, LogLevel least, const std::function<void()>& work) {
  set_up_logging("voting-logger", format, least);
  ::testing::internal::CaptureStderr();
  work();
  return ::testing::internal::GetCapturedStderr();
}

std::string one_line(LogFormat format, const std::function<void()>& work) {
  std::string text = logged(format, LogLevel::kDebug, work);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_THAT(text, EndsWith("\n"));
  return text;
}

const std::vector<std::string> kAwkward{
    "plain",
    "",
    "two\nlines\r\n",
    R"(a "quote" and a \ backslash)",
    "{} {0} %v %n",
    std::string("a null \0 byte", 13),
    "\x1b[31mred\x1b[0m",
    "invalid UTF-8 \xff\xfe\xc3(",
    "Grüße 🗳",
};

TEST(LoggingTest, AnEventIsOneLineOfTextWhateverItsValuesContain) {
  for (const std::string& value : kAwkward) {
    const std::string line = one_line(LogFormat::kText, [&] {
      log_info("something happened", {{"value", value}});
    });
    EXPECT_THAT(line, HasSubstr("voting-logger: something happened value=\""));
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_EQ(line.find('\0'), std::string::npos);
  }
}

TEST(LoggingTest, AnEventIsOneJsonObjectWhateverItsValuesContain) {
  for (const std::string& value : kAwkward) {
    const std::string line = one_line(LogFormat::kJson, [&] {
      log_info("something happened", {{"value", value}});
    });
    const auto json = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
    EXPECT_EQ(json["event"], "something happened");
    EXPECT_EQ(json["service"], "voting-logger");
    EXPECT_EQ(json["level"], "info");
    const bool is_utf8 = value.find('\xff') == std::string::npos;
    EXPECT_EQ(json["value"] == value, is_utf8) << line;
  }
}

TEST(LoggingTest, EachTypeOfValueKeepsItsTypeInJson) {
  const std::string line = one_line(LogFormat::kJson, [] {
    log_warning("types", {{"text", "1"},
                          {"integer", std::int64_t{-9007199254740993}},
                          {"size", std::size_t{12}},
                          {"number", 0.25},
                          {"flag", true},
                          {"status", absl::NotFoundError("gone")}});
  });
  const auto json = nlohmann::json::parse(line, nullptr, false);
  ASSERT_TRUE(json.is_object()) << line;
  EXPECT_EQ(json["text"], "1");
  EXPECT_EQ(json["integer"], -9007199254740993);
  EXPECT_EQ(json["size"], 12);
  EXPECT_EQ(json["number"], 0.25);
  EXPECT_EQ(json["flag"], true);
  EXPECT_EQ(json["status"], "NOT_FOUND: gone");
}

TEST(LoggingTest, InfiniteNumbersAreValidJson) {
  for (const double number :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const std::string line = one_line(LogFormat::kJson, [&] {
      log_info("rate", {{"number", number}});
    });
    EXPECT_TRUE(nlohmann::json::parse(line, nullptr, false).is_object()) << line;
  }
}

TEST(LoggingTest, JsonBeginsWithTimeInUtcLevelServiceAndEvent) {
  const std::string line = one_line(LogFormat::kJson, [] { log_info("odd", {{"n", 1}}); });
  EXPECT_THAT(line, MatchesRegex("\\{\"time\":\"[0-9-]+T[0-9:.]+Z\",\"level\":\"info\",\"service\":"
                                 "\"voting-logger\",\"event\":\"odd\",\"n\":1\\}\n"));
}

TEST(LoggingTest, TextBeginsWithTimeInUtcLevelAndService) {
  const std::string line = one_line(LogFormat::kText, [] {
    log_warning("unavailable", {{"tries", 3}});
  });
  EXPECT_THAT(line, MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z warning "
                                 "voting-logger: unavailable tries=3\n"));
}

TEST(LoggingTest, NothingBelowTheRequestedLevelIsWritten) {
  const auto all = [] {
    log_debug("a debug");
    log_info("an info");
    log_warning("a warning");
    log_error("an error");
  };
  const std::vector<std::string> events{"a debug", "an info", "a warning", "an error"};
  const std::vector<LogLevel> levels{LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning,
                                     LogLevel::kError};
  for (std::size_t least = 0; least < levels.size(); ++least) {
    const std::string text = logged(LogFormat::kText, levels[least], all);
    for (std::size_t i = 0; i < events.size(); ++i)
      EXPECT_EQ(text.find(events[i]) != std::string::npos, i >= least) << events[i];
  }
}

}  // namespace
}  // namespace pollbus
