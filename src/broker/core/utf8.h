#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pollbus::broker {

bool is_valid_utf8(std::string_view text);

// How many characters `text` has; bytes that belong to none count as one each.
std::size_t count_characters(std::string_view text);

// Bytes of the character that `text` starts with: 1 to 4, 0 for no text.
std::size_t first_character_bytes(std::string_view text);

// False for what is no Unicode scalar value (surrogates, above U+10FFFF).
bool append_utf8(char32_t code_point, std::string* out);

}  // namespace pollbus::broker
