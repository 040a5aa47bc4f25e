#include "election/unicode_text.h"

#include <fmt/format.h>
#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uspoof.h>

#include <memory>

namespace pollbus {
namespace {

// For texts that stack very many accents on a letter.
constexpr int kMaxCodePointsPerCharacter = 8;

// Characters that change how the text around them looks, or cannot be seen at all.
bool is_forbidden(UChar32 c) {
  const bool overrides_direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  const auto type = u_charType(c);
  return overrides_direction || type == U_CONTROL_CHAR || type == U_LINE_SEPARATOR ||
         type == U_PARAGRAPH_SEPARATOR || type == U_UNASSIGNED || c == 0xfeff || c == 0x200b;
}

bool is_invisible(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0;
}

std::string to_utf8(const icu::UnicodeString& text) {
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

// nullptr if ICU lacks its data.
const USpoofChecker* spoof_checker() {
  static const std::unique_ptr<USpoofChecker, decltype(&uspoof_close)> kChecker = [] {
    UErrorCode error = U_ZERO_ERROR;
    return std::unique_ptr<USpoofChecker, decltype(&uspoof_close)>(uspoof_open(&error),
                                                                   uspoof_close);
  }();
  return kChecker.get();
}

std::size_t count_characters(const icu::UnicodeString& text) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), error));
  if (U_FAILURE(error)) return static_cast<std::size_t>(text.countChar32());
  breaks->setText(text);
  std::size_t count = 0;
  while (breaks->next() != icu::BreakIterator::DONE) ++count;
  return count;
}

}  // namespace

std::optional<std::string> problem_with_text(const std::string& utf8, std::size_t most) {
  const auto text = icu::UnicodeString::fromUTF8(utf8);
  if (text.isEmpty()) return "must not be empty";
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    if (const UChar32 c = text.char32At(i); is_forbidden(c)) {
      return fmt::format("must not contain the invisible character U+{:04X}",
                         static_cast<std::uint32_t>(c));
    }
  }
  if (u_isUWhiteSpace(text.char32At(0)) != 0 ||
      u_isUWhiteSpace(text.char32At(text.length() - 1)) != 0) {
    return "must not begin or end with a blank";
  }
  const std::size_t count = count_characters(text);
  const auto code_points = static_cast<std::size_t>(text.countChar32());
  if (count > most || code_points > most * kMaxCodePointsPerCharacter) {
    return fmt::format("must have at most {} characters, and has {}", most, count);
  }
  return std::nullopt;
}

std::string comparison_key(const std::string& utf8) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* folder = icu::Normalizer2::getNFKCCasefoldInstance(error);
  if (U_FAILURE(error)) return utf8;
  const icu::UnicodeString folded = folder->normalize(icu::UnicodeString::fromUTF8(utf8), error);
  if (U_FAILURE(error)) return utf8;
  icu::UnicodeString key;
  bool was_blank = true;
  for (std::int32_t i = 0; i < folded.length(); i = folded.moveIndex32(i, 1)) {
    const UChar32 c = folded.char32At(i);
    const bool is_blank = u_isUWhiteSpace(c) != 0;
    if (!is_blank) key.append(c);
    if (is_blank && !was_blank) key.append(static_cast<UChar32>(' '));
    was_blank = is_blank;
  }
  std::string text = to_utf8(key);
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string skeleton(const std::string& utf8) {
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeString skeleton;
  constexpr std::uint32_t kUnusedType = 0;
  uspoof_getSkeletonUnicodeString(spoof_checker(), kUnusedType,
                                  icu::UnicodeString::fromUTF8(comparison_key(utf8)), skeleton,
                                  &error);
  if (U_FAILURE(error)) return comparison_key(utf8);
  return to_utf8(skeleton);
}

bool look_the_same_in_other_scripts(const std::string& first, const std::string& second) {
  UErrorCode error = U_ZERO_ERROR;
  const std::int32_t how = uspoof_areConfusableUnicodeString(
      spoof_checker(), icu::UnicodeString::fromUTF8(comparison_key(first)),
      icu::UnicodeString::fromUTF8(comparison_key(second)), &error);
  constexpr std::int32_t kOtherScripts =
      USPOOF_MIXED_SCRIPT_CONFUSABLE | USPOOF_WHOLE_SCRIPT_CONFUSABLE;
  return U_SUCCESS(error) && (how & kOtherScripts) != 0;
}

std::string_view without_blank_ends(std::string_view utf8) {
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!utf8.empty() && is_plain(utf8.front()) && is_plain(utf8.back())) return utf8;
  const auto text = icu::UnicodeString::fromUTF8(utf8);
  const auto is_dropped = [&](std::int32_t i) {
    const UChar32 c = text.char32At(i);
    return u_isUWhiteSpace(c) != 0 || is_invisible(c);
  };
  std::int32_t begin = 0;
  while (begin < text.length() && is_dropped(begin)) begin = text.moveIndex32(begin, 1);
  std::int32_t end = text.length();
  while (end > begin && is_dropped(end - 1)) end = text.moveIndex32(end, -1);
  utf8.remove_prefix(to_utf8(text.tempSubStringBetween(0, begin)).size());
  utf8.remove_suffix(to_utf8(text.tempSubString(end)).size());
  return utf8;
}

std::string with_visible_characters(std::string_view utf8) {
  const auto text = icu::UnicodeString::fromUTF8(utf8);
  std::string visible;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    const bool is_seen = c < 0x80 || (u_isgraph(c) != 0 && !is_invisible(c));
    visible += is_seen ? to_utf8(icu::UnicodeString(c))
                       : fmt::format("<U+{:04X}>", static_cast<std::uint32_t>(c));
  }
  return visible;
}

std::optional<std::string> problem_with_language(const std::string& tag) {
  const std::string expected = "must be a language tag such as en or fr-CA";
  UErrorCode error = U_ZERO_ERROR;
  const icu::Locale locale = icu::Locale::forLanguageTag(tag, error);
  if (U_FAILURE(error) || locale.isBogus() || tag.empty()) return expected;
  const std::string normal = locale.toLanguageTag<std::string>(error);
  if (U_FAILURE(error) || normal == "und") return expected;
  if (normal != tag) return fmt::format("must be written {}", normal);
  return std::nullopt;
}

}  // namespace pollbus
