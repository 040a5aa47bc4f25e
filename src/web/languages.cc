#include "web/languages.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace pollbus::web {
namespace {

// "fr" of "/fr.json".
std::string tag_of(std::string_view path) {
  const std::size_t begin = path.rfind('/') + 1;
  return std::string(path.substr(begin, path.rfind('.') - begin));
}

std::string replace_all(std::string text, const std::string& what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

std::set<std::string> placeholders(std::string_view text) {
  std::set<std::string> found;
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string_view::npos; ++at)
    found.emplace(text.substr(at, text.find('}', at) - at + 1));
  return found;
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The weight of "fr;q=0.8" in thousandths.
int weight_of(std::string_view parameters) {
  const std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1000;
  int weight = 0;
  int digits = 0;
  for (const char c : parameters.substr(at + 2)) {
    if (c == '.') continue;
    if (c < '0' || c > '9' || digits == 4) break;
    weight = weight * 10 + (c - '0');
    ++digits;
  }
  for (; digits < 4; ++digits) weight *= 10;
  return weight;
}

}  // namespace

Languages::Languages(const std::vector<std::span<const Asset>>& folders) {
  for (const auto& folder : folders) {
    for (const Asset& asset : folder) {
      Texts& texts = texts_[tag_of(asset.path)];
      const auto catalogue = nlohmann::json::parse(asset.body);
      for (const auto& [key, text] : catalogue.items()) texts.emplace(key, text.get<std::string>());
    }
  }
  for (const auto& [tag, texts] : texts_) tags_.push_back(tag);
  std::ranges::stable_sort(tags_, {}, [this](const std::string& tag) {
    return std::pair(tag != kDefaultLanguage, name(tag));
  });
}

std::string Languages::text(std::string_view tag, std::string_view key, Values values) const {
  std::string text(key);
  for (const std::string_view each : {tag, kDefaultLanguage}) {
    const auto texts = texts_.find(each);
    if (texts == texts_.end()) continue;
    const auto found = texts->second.find(key);
    if (found == texts->second.end()) continue;
    text = found->second;
    break;
  }
  for (const auto& [name, value] : values)
    text = replace_all(text, fmt::format("{{{}}}", name), value);
  return text;
}

std::string Languages::choose(std::string_view wanted, std::string_view accept_language) const {
  if (has(wanted)) return std::string(wanted);
  std::string best(kDefaultLanguage);
  int best_weight = 0;
  while (!accept_language.empty()) {
    const std::string_view item = accept_language.substr(0, accept_language.find(','));
    accept_language.remove_prefix(std::min(accept_language.size(), item.size() + 1));
    const std::string_view range = trim(item.substr(0, item.find(';')));
    const std::string_view primary = range.substr(0, range.find('-'));
    const int weight = weight_of(item.substr(std::min(item.size(), item.find(';'))));
    if (weight <= best_weight) continue;
    if (!has(range) && !has(primary)) continue;
    best = has(range) ? range : primary;
    best_weight = weight;
  }
  return best;
}

std::string Languages::json(std::string_view tag) const {
  const auto found = texts_.find(tag);
  return nlohmann::json(found == texts_.end() ? Texts() : found->second).dump();
}

std::vector<std::string> Languages::problems() const {
  std::vector<std::string> problems;
  std::set<std::string> keys;
  for (const auto& [tag, texts] : texts_) {
    for (const auto& [key, text] : texts) keys.insert(key);
  }
  for (const auto& [tag, texts] : texts_) {
    for (const std::string& key : keys) {
      const auto found = texts.find(key);
      if (found == texts.end()) {
        problems.push_back(fmt::format("{}: {} is missing", tag, key));
      } else if (trim(found->second).empty()) {
        problems.push_back(fmt::format("{}: {} is empty", tag, key));
      } else if (placeholders(found->second) != placeholders(text(kDefaultLanguage, key))) {
        problems.push_back(fmt::format("{}: {} has other placeholders", tag, key));
      }
    }
  }
  return problems;
}

}  // namespace pollbus::web
