#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pollbus {

// The code that a voter gets by mail: voter number, 64 secret bits and a check character, in
// Crockford's base32 (https://www.crockford.com/base32.html), in groups of four. The check
// character finds every wrong character and every exchange of two. Pure functions; thread-safe.
struct VoterCode {
  std::int64_t voter = 0;
  std::uint64_t secret = 0;
  bool operator==(const VoterCode&) const = default;
};

// A code with a secret from the operating system's generator.
VoterCode random_voter_code(std::int64_t voter);

// "00A7-3KQ4-…": 16, 20, 24 or 28 characters, by the size of the voter number.
std::string format_voter_code(const VoterCode& code);

// Forgives upper and lower case, blanks, dashes, O for 0, and I and L for 1. std::nullopt for a
// text that is no code.
std::optional<VoterCode> parse_voter_code(std::string_view text);

// What the logger keeps of a code: the first 8 bytes, most significant first, of the SHA-256 of
// "pollbus code <election> <voter> <16 hexadecimal digits of the secret>".
std::uint64_t code_hash(std::int64_t election, const VoterCode& code);

}  // namespace pollbus
