#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "election/definition.h"
#include "web/languages.h"

namespace pollbus::election_board {

// Writes what the pages show, in one language. Pure; thread-safe.
class Format {
 public:
  Format(const web::Languages& languages, std::string language)
      : languages_(languages), language_(std::move(language)) {}

  const std::string& language() const { return language_; }
  std::string direction() const { return languages_.direction(language_); }

  // The text of the key "board.<key>" as HTML; the values are HTML already.
  std::string text(std::string_view key, web::Languages::Values values = {}) const;
  // The same as plain text, with values in plain text.
  std::string plain(std::string_view key, web::Languages::Values values = {}) const;
  // The text of a key that all pages share.
  std::string shared(std::string_view key) const;

  // "1,234" and "33.3 %" as the language writes them; the same in HTML and in plain text.
  std::string count(std::int64_t count) const;
  std::string percent(int tenths) const;

  // A text of the definition, with the attribute lang if it is in another language, and isolated
  // from the direction of the text around it.
  std::string name(const LocalizedText& text) const;
  // The same as plain text, isolated too.
  std::string plain_name(const LocalizedText& text) const;

  // "2026-12-01 08:00 EST" in an element <time>.
  std::string time(std::int64_t utc_ms, const std::string& zone) const;

 private:
  const web::Languages& languages_;
  const std::string language_;
};

}  // namespace pollbus::election_board
