#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pollbus::broker {

bool is_valid_utf8(std::string_view text);

// Returns the number of characters. Each byte that is not part of a valid character counts as one.
std::size_t count_characters(std::string_view text);

// Returns the size of the first character: 1 to 4 bytes, or 0 for an empty text.
std::size_t first_character_bytes(std::string_view text);

// Appends a character. Returns false for a code point that is not a Unicode scalar value, which
// excludes surrogates and everything above U+10FFFF.
bool append_utf8(char32_t code_point, std::string* out);

}  // namespace pollbus::broker
