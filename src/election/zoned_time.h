#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pollbus {

// Times as people and messages write them. Time zones and daylight saving come from ICU
// (https://unicode-org.github.io/icu/userguide/datetime/timezone/). Thread-safe.

// A local time such as "2026-12-01T08:00", and its instant in milliseconds since 1970.
struct ZonedTime {
  std::string local;
  std::int64_t utc_ms = 0;
};

// Whether `zone` is an IANA time zone such as "America/Toronto".
bool is_time_zone(const std::string& zone);

// INVALID_ARGUMENT, with the reason, for a text that is not YYYY-MM-DDThh:mm (seconds are
// optional), a date that does not exist, and a time that daylight saving skips or repeats.
absl::StatusOr<ZonedTime> resolve_local_time(const std::string& local, const std::string& zone);

// "2026-12-01 08:00 America/Toronto (UTC-05:00)"; in UTC if the zone is not known.
std::string local_text(std::int64_t utc_ms, const std::string& zone);

// "2026-12-01T13:00:00Z"; the milliseconds are cut off. The reverse accepts this form only.
std::string utc_text(std::int64_t utc_ms);
std::optional<std::int64_t> parse_utc(std::string_view text);

}  // namespace pollbus
