#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pollbus {

// The code with which a voter can ask whether the vote is recorded: the first 80 bits of the vote's
// receipt (receipt.h), in Crockford's base32 (https://www.crockford.com/base32.html). It reveals
// nothing about the choice. Pure functions; thread-safe.

// The bytes with which the receipt begins, for a look-up by prefix.
using TrackingPrefix = std::array<unsigned char, 10>;

// "3F9A-02C1-7KQ4-XW0M" for the vote with this UUID.
std::string tracking_code(std::int64_t election, std::string_view uuid);

// Forgives upper and lower case, blanks, dashes, O for 0, and I and L for 1. std::nullopt for a
// text that is no code.
std::optional<TrackingPrefix> parse_tracking_code(std::string_view text);

std::string format_tracking_code(const TrackingPrefix& prefix);

}  // namespace pollbus
