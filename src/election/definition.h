#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "election/sha256.h"
#include "election/zoned_time.h"

namespace pollbus {

// The definition of an election (docs/elections.md): one contest with its choices and times.
// Pure functions; thread-safe.

inline constexpr std::size_t kMaxDefinitionBytes = 1024 * 1024;
inline constexpr std::size_t kMaxChoices = 1'000;
inline constexpr std::size_t kMaxNameCharacters = 200;  // as a reader counts them
inline constexpr std::size_t kMaxLanguages = 50;

// A text in several languages: language tag (BCP 47) to text. Never empty in a definition.
using LocalizedText = std::map<std::string, std::string>;
// The text in this language, or else in its base language, in English, or in the first language.
const std::string& text_in(const LocalizedText& text, const std::string& language);

struct Choice {
  std::int64_t voting = 0;
  LocalizedText name;
};

enum class Eligibility { kOpen, kRoll, kCodes };
enum class ResultsVisibility { kAfterClose, kLive };
std::string_view to_text(Eligibility eligibility);
std::string_view to_text(ResultsVisibility visibility);

struct Definition {
  std::int64_t election = 0;
  std::string event;
  LocalizedText title;
  std::vector<Choice> choices;
  std::optional<ZonedTime> opens;
  std::optional<ZonedTime> closes;
  std::string time_zone;
  Eligibility eligibility = Eligibility::kOpen;
  ResultsVisibility results = ResultsVisibility::kAfterClose;
  bool is_test = false;
  std::string canonical;  // RFC 8785

  bool needs_roll() const { return eligibility != Eligibility::kOpen; }
  bool has_choice(std::int64_t voting) const;
};

// What is wrong with a definition, and where: a JSON pointer (RFC 6901) such as /choices/3/name/en.
struct Problem {
  std::string place;
  std::string what;
};

// The instants of `opens` and `closes`, if they are known already.
struct Instants {
  std::optional<std::int64_t> opens_ms;
  std::optional<std::int64_t> closes_ms;
};

// Returns every problem at once. With `known`, the times are taken from there instead of being
// computed: the office has computed them, and another computer may have older time zones.
std::variant<Definition, std::vector<Problem>> parse_definition(std::string_view json,
                                                                const Instants* known = nullptr);

// SHA-256 of the canonical form. People compare the short text: "3f9a 02c1".
Sha256 fingerprint(const Definition& definition);
std::string short_fingerprint(const Sha256& fingerprint);

}  // namespace pollbus
