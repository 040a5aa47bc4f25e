#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pollbus {

// Checks of texts that people read, by the rules of Unicode (ICU). Texts are valid UTF-8.
// Thread-safe.

// What is wrong with a name or a title, or nothing. It must have from 1 to `most` characters as a
// reader counts them (a letter and its accents are one), no blanks at its ends, and no invisible
// control characters.
std::optional<std::string> problem_with_text(const std::string& text, std::size_t most);

// The same for two texts that a reader cannot tell apart: NFKC (Unicode's compatibility form), case
// folded, with single blanks.
std::string comparison_key(const std::string& text);

// The same for two texts whose letters look alike in most fonts, such as Latin and Cyrillic a, but
// also m and rn (https://www.unicode.org/reports/tr39/#def-skeleton).
std::string skeleton(const std::string& text);
// Whether two texts with one skeleton() look alike because they are written in different scripts.
bool look_the_same_in_other_scripts(const std::string& first, const std::string& second);

// The text without the blanks and the invisible characters (direction marks, byte order marks, soft
// hyphens and so on) at its ends.
std::string_view without_blank_ends(std::string_view text);
// For messages: the text with each invisible character written as its number, such as <U+200E>.
std::string with_visible_characters(std::string_view text);

// What is wrong with a language tag (BCP 47), or nothing.
std::optional<std::string> problem_with_language(const std::string& tag);

}  // namespace pollbus
