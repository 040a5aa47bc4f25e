#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "web/asset.h"

namespace pollbus::web {

inline constexpr std::string_view kDefaultLanguage = "en";

// The texts of the pages, by language and key. They come from catalogues: flat JSON objects, one
// file per language, "fr.json", with the same keys in each. Thread-safe.
class Languages {
 public:
  // Catalogues of the same language in several folders are put together.
  explicit Languages(const std::vector<std::span<const Asset>>& folders);

  // Language tags in the order in which people choose from them: "en", "fr", ….
  const std::vector<std::string>& tags() const { return tags_; }
  bool has(std::string_view tag) const { return texts_.contains(tag); }

  // The text with each {name} replaced. Falls back to the default language, then to the key.
  using Values = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  std::string text(std::string_view tag, std::string_view key, Values values = {}) const;

  // "ltr" or "rtl".
  std::string direction(std::string_view tag) const { return text(tag, "language.direction"); }
  // The language's name in itself.
  std::string name(std::string_view tag) const { return text(tag, "language.name"); }

  // The best language for a person: `wanted` if there is such a one, else the best match of an
  // Accept-Language header, else the default.
  std::string choose(std::string_view wanted, std::string_view accept_language) const;

  // All texts of a language, as a JSON object.
  std::string json(std::string_view tag) const;

  // One sentence for each key that a language lacks or leaves empty, and for each placeholder that
  // differs from the default language's.
  std::vector<std::string> problems() const;

 private:
  using Texts = std::map<std::string, std::string, std::less<>>;
  std::map<std::string, Texts, std::less<>> texts_;
  std::vector<std::string> tags_;
};

}  // namespace pollbus::web
