#include "election/zoned_time.h"

#include <fmt/format.h>
#include <unicode/basictz.h>
#include <unicode/calendar.h>
#include <unicode/timezone.h>
#include <unicode/unistr.h>

#include <array>
#include <chrono>
#include <memory>

namespace pollbus {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::sys_days;

constexpr std::int64_t kMsPerSecond = 1'000;
constexpr std::int64_t kMsPerDay = 86'400'000;
// The years of an election: later ones have no rules for daylight saving yet.
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2199;

// Reads `count` digits at `position`. Returns -1 if there are fewer.
int digits_at(std::string_view text, std::size_t position, std::size_t count) {
  if (text.size() < position + count) return -1;
  int value = 0;
  for (const char c : text.substr(position, count)) {
    if (c < '0' || c > '9') return -1;
    value = 10 * value + (c - '0');
  }
  return value;
}

// Milliseconds since 1970 of a text YYYY-MM-DDThh:mm:ss, read as UTC.
std::optional<std::int64_t> read_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return std::nullopt;
  }
  const std::array<int, 6> parts = {digits_at(text, 0, 4),  digits_at(text, 5, 2),
                                    digits_at(text, 8, 2),  digits_at(text, 11, 2),
                                    digits_at(text, 14, 2), digits_at(text, 17, 2)};
  const auto [year, month, day, hour, minute, second] = parts;
  if (year < kFirstYear || year > kLastYear || month < 1 || day < 1 || hour < 0 || hour > 23 ||
      minute < 0 || minute > 59 || second < 0 || second > 59) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date).time_since_epoch() / milliseconds(1) +
         ((hour * 60 + minute) * 60 + second) * kMsPerSecond;
}

std::string write_time(std::int64_t ms) {
  const auto instant = std::chrono::sys_time<milliseconds>(milliseconds(ms));
  const auto day = std::chrono::floor<days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(instant - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

// Null if the zone is not known.
std::unique_ptr<icu::TimeZone> find_zone(const std::string& zone) {
  const auto id = icu::UnicodeString::fromUTF8(zone);
  std::unique_ptr<icu::TimeZone> found(icu::TimeZone::createTimeZone(id));
  icu::UnicodeString name;
  // ICU takes "GMT+3" too, and returns the zone "unknown" for what it does not know.
  if (found->getID(name) != id || *found == icu::TimeZone::getUnknown() ||
      zone.starts_with("GMT") || zone.starts_with("Etc/Unknown")) {
    return nullptr;
  }
  return found;
}

std::int64_t offset_at(const icu::TimeZone& zone, std::int64_t utc_ms) {
  std::int32_t raw = 0;
  std::int32_t saving = 0;
  UErrorCode error = U_ZERO_ERROR;
  zone.getOffset(static_cast<UDate>(utc_ms), /*local=*/false, raw, saving, error);
  return U_FAILURE(error) ? 0 : raw + saving;
}

}  // namespace

bool is_time_zone(const std::string& zone) { return find_zone(zone) != nullptr; }

absl::StatusOr<ZonedTime> resolve_local_time(const std::string& local, const std::string& zone) {
  constexpr std::size_t kWithoutSeconds = 16;
  const auto as_utc = read_time(local.size() == kWithoutSeconds ? local + ":00" : local);
  if (!as_utc) {
    return absl::InvalidArgumentError(
        "must be a date and time that exist, such as 2026-12-01T08:00");
  }
  const auto found = find_zone(zone);
  if (!found) return absl::InvalidArgumentError("needs a time zone that is known");
  // Zones differ from UTC by less than a day, so one of the offsets of a day before and after
  // applies, unless the clocks are set in between.
  const std::int64_t before = *as_utc - offset_at(*found, *as_utc - kMsPerDay);
  const std::int64_t after = *as_utc - offset_at(*found, *as_utc + kMsPerDay);
  const auto is_right = [&](std::int64_t utc) { return utc + offset_at(*found, utc) == *as_utc; };
  if (before != after && is_right(before) && is_right(after)) {
    return absl::InvalidArgumentError(fmt::format(
        "exists twice in {} because the clocks are set back: choose another time", zone));
  }
  if (is_right(before)) return ZonedTime{local, before};
  if (is_right(after)) return ZonedTime{local, after};
  return absl::InvalidArgumentError(fmt::format(
      "does not exist in {} because the clocks are set forward: choose another time", zone));
}

std::string local_text(std::int64_t utc_ms, const std::string& zone) {
  const auto found = find_zone(zone);
  const std::int64_t offset = found ? offset_at(*found, utc_ms) : 0;
  std::string text = write_time(utc_ms + offset).substr(0, 16);
  text[10] = ' ';
  if (!found || zone == "UTC") return text + " UTC";
  // Abbreviations such as "EST" have several meanings, so the offset stands beside the zone.
  const std::int64_t minutes = offset / 60'000;
  const std::int64_t size = minutes < 0 ? -minutes : minutes;
  return fmt::format("{} {} (UTC{}{:02}:{:02})", text, zone, minutes < 0 ? '-' : '+', size / 60,
                     size % 60);
}

std::string utc_text(std::int64_t utc_ms) { return write_time(utc_ms) + "Z"; }

std::optional<std::int64_t> parse_utc(std::string_view text) {
  if (!text.ends_with('Z')) return std::nullopt;
  return read_time(text.substr(0, text.size() - 1));
}

}  // namespace pollbus
