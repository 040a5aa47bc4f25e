#include "election/zoned_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using testing::HasSubstr;

std::string utc_of(const std::string& local, const std::string& zone) {
  const auto time = resolve_local_time(local, zone);
  return time.ok() ? utc_text(time->utc_ms) : std::string(time.status().message());
}

TEST(ZonedTime, AZoneIsKnownByItsIanaName) {
  for (const char* zone : {"America/Toronto", "Europe/London", "Asia/Kolkata", "UTC",
                           "America/Argentina/Buenos_Aires", "Australia/Lord_Howe"}) {
    EXPECT_TRUE(is_time_zone(zone)) << zone;
  }
  for (const char* zone : {"", "Toronto", "America/Toronta", "GMT+3", "Etc/Unknown", "+02:00",
                           "america/toronto", "Europe/London "}) {
    EXPECT_FALSE(is_time_zone(zone)) << zone;
  }
}

TEST(ZonedTime, ALocalTimeHasTheOffsetOfItsSeason) {
  EXPECT_EQ(utc_of("2026-12-01T08:00", "America/Toronto"), "2026-12-01T13:00:00Z");
  EXPECT_EQ(utc_of("2026-07-01T08:00", "America/Toronto"), "2026-07-01T12:00:00Z");
  EXPECT_EQ(utc_of("2026-07-01T08:00:30", "Asia/Kolkata"), "2026-07-01T02:30:30Z");
  EXPECT_EQ(utc_of("2026-07-01T00:00", "Pacific/Kiritimati"), "2026-06-30T10:00:00Z");
  EXPECT_EQ(utc_of("2026-07-01T23:30", "Pacific/Pago_Pago"), "2026-07-02T10:30:00Z");
}

TEST(ZonedTime, ATimeThatDaylightSavingSkipsIsRefused) {
  EXPECT_EQ(utc_of("2026-03-08T01:59", "America/Toronto"), "2026-03-08T06:59:00Z");
  EXPECT_THAT(utc_of("2026-03-08T02:00", "America/Toronto"), HasSubstr("does not exist"));
  EXPECT_THAT(utc_of("2026-03-08T02:30", "America/Toronto"), HasSubstr("does not exist"));
  EXPECT_EQ(utc_of("2026-03-08T03:00", "America/Toronto"), "2026-03-08T07:00:00Z");
}

TEST(ZonedTime, ATimeThatDaylightSavingRepeatsIsRefused) {
  EXPECT_EQ(utc_of("2026-11-01T00:59", "America/Toronto"), "2026-11-01T04:59:00Z");
  EXPECT_THAT(utc_of("2026-11-01T01:00", "America/Toronto"), HasSubstr("exists twice"));
  EXPECT_THAT(utc_of("2026-11-01T01:59", "America/Toronto"), HasSubstr("exists twice"));
  EXPECT_EQ(utc_of("2026-11-01T02:00", "America/Toronto"), "2026-11-01T07:00:00Z");
}

TEST(ZonedTime, ShiftsOfHalfAnHourAndOfAWholeDayAreKnown) {
  // Lord Howe Island sets its clocks by half an hour; Samoa left out 30 December 2011.
  EXPECT_THAT(utc_of("2026-10-04T02:15", "Australia/Lord_Howe"), HasSubstr("does not exist"));
  EXPECT_THAT(utc_of("2026-04-05T01:45", "Australia/Lord_Howe"), HasSubstr("exists twice"));
  EXPECT_THAT(utc_of("2011-12-30T12:00", "Pacific/Apia"), HasSubstr("does not exist"));
}

TEST(ZonedTime, OtherFormsAndDatesThatDoNotExistAreRefused) {
  for (const char* text : {"2026-02-29T08:00", "2026-13-01T08:00", "2026-12-01T24:00",
                           "2026-12-01 08:00", "2026-12-01T08:00Z", "2026-12-01T8:00", "tomorrow",
                           "2026-12-01", "1969-12-31T08:00", "2026-12-01T08:60", ""}) {
    EXPECT_THAT(utc_of(text, "America/Toronto"), HasSubstr("must be a date and time")) << text;
  }
  EXPECT_EQ(utc_of("2028-02-29T08:00", "UTC"), "2028-02-29T08:00:00Z");
  EXPECT_THAT(utc_of("2026-12-01T08:00", "Atlantis/Poseidonis"), HasSubstr("time zone"));
}

TEST(ZonedTime, AnInstantIsShownInItsZoneWithTheOffset) {
  const std::int64_t instant = *parse_utc("2026-12-02T01:00:00Z");
  EXPECT_EQ(local_text(instant, "America/Toronto"), "2026-12-01 20:00 America/Toronto (UTC-05:00)");
  EXPECT_EQ(local_text(instant, "Asia/Kolkata"), "2026-12-02 06:30 Asia/Kolkata (UTC+05:30)");
  EXPECT_EQ(local_text(instant, "nowhere"), "2026-12-02 01:00 UTC");
  EXPECT_EQ(local_text(instant, "UTC"), "2026-12-02 01:00 UTC");
}

TEST(ZonedTime, OnlyOneFormOfAUtcTimeIsRead) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:01Z"), 1'000);
  for (const char* text : {"2026-12-02T01:00Z", "2026-12-02T01:00:00", "2026-12-02T01:00:00.0Z",
                           "2026-12-02t01:00:00z", "2026-12-02T01:00:00+00:00", ""}) {
    EXPECT_FALSE(parse_utc(text)) << text;
  }
  EXPECT_EQ(utc_text(1'999), "1970-01-01T00:00:01Z");
}

}  // namespace
}  // namespace pollbus
