#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace pollbus {

// SHA-256 (FIPS 180-4) as OpenSSL computes it, with the instructions that processors have for it.
// Pure functions; thread-safe.
using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::string_view bytes);

// Sixty-four lower-case hexadecimal digits, and back. Upper-case digits are not accepted, so that a
// hash has one text only.
std::string to_hex(const Sha256& hash);
std::optional<Sha256> parse_sha256(std::string_view hex);

// The bytes of the hash as text, to be hashed again or stored.
std::string_view bytes_of(const Sha256& hash);

}  // namespace pollbus
