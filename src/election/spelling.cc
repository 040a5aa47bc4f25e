#include "election/spelling.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pollbus {
namespace {

constexpr std::size_t kMaxLength = 64;

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

// https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance (optimal string alignment)
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({replaced, d[i - 1][j] + 1, d[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> closest_name(std::string_view word,
                                        std::span<const std::string_view> names) {
  if (word.size() > kMaxLength) return std::nullopt;
  const std::string typed = lower(word);
  std::optional<std::string> best;
  // A third of the letters may be wrong.
  std::size_t least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view name : names) {
    const std::size_t changes = distance(typed, lower(name));
    if (changes >= least || changes >= name.size()) continue;
    least = changes;
    best = std::string(name);
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> names) {
  const auto name = closest_name(word, names);
  return name ? fmt::format(" (did you mean {}?)", *name) : "";
}

}  // namespace pollbus
