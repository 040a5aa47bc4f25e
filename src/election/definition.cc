#include "election/definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "election/spelling.h"
#include "election/strict_json.h"
#include "election/unicode_text.h"
#include "election/vote.h"

namespace pollbus {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

// Each name is compared with at most so many that look alike.
constexpr std::size_t kMaxAlike = 10;
constexpr std::array kFields = {"election_ID"sv, "event"sv,       "title"sv,   "choices"sv,
                                "opens"sv,       "closes"sv,      "secrecy"sv, "test"sv,
                                "time_zone"sv,   "eligibility"sv, "results"sv};
constexpr std::array kChoiceFields = {"voting"sv, "name"sv};
constexpr std::array kEligibilities = {"open"sv, "roll"sv, "codes"sv};
constexpr std::array kVisibilities = {"after close"sv, "live"sv};
constexpr std::size_t kMaxProblems = 200;

// Reads the fields of a definition and collects what is wrong with them.
class Reader {
 public:
  explicit Reader(const Instants* known) : known_(known) {}

  void read(const json& document) {
    if (!document.is_object()) return add("", "must be a JSON object");
    refuse_unknown("", document, kFields);
    definition_.election = integer("", document, "election_ID", kMaxId);
    definition_.event = text("", document, "event");
    if (const json* title = required("", document, "title")) {
      definition_.title = localized("/title", *title);
    }
    read_choices(document);
    read_times(document);
    read_options(document);
    refuse_same_names();
  }

  Definition& definition() { return definition_; }
  std::vector<Problem>& problems() { return problems_; }

 private:
  void add(std::string place, std::string what) {
    if (problems_.size() < kMaxProblems) problems_.push_back({std::move(place), std::move(what)});
  }

  void refuse_unknown(const std::string& place, const json& object,
                      std::span<const std::string_view> fields) {
    for (const auto& [name, value] : object.items()) {
      if (std::ranges::find(fields, name) != fields.end()) continue;
      add(member_place(place, name), "is not a field" + suggestion(name, fields));
    }
  }

  // Null, with a problem, if the field is missing.
  const json* required(const std::string& place, const json& object, const char* name) {
    const auto found = object.find(name);
    if (found != object.end()) return &*found;
    add(member_place(place, name), "is missing");
    return nullptr;
  }

  std::int64_t integer(const std::string& place, const json& object, const char* name,
                       std::int64_t most) {
    const json* value = required(place, object, name);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned() &&
        value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) {
      return value->get<std::int64_t>();
    }
    add(member_place(place, name), fmt::format("must be an integer from 0 to {}", most));
    return 0;
  }

  std::string text(const std::string& place, const json& object, const char* name) {
    const json* value = required(place, object, name);
    return value == nullptr ? "" : text(member_place(place, name), *value);
  }

  std::string text(const std::string& place, const json& value) {
    if (!value.is_string()) {
      add(place, "must be a text");
      return "";
    }
    auto content = value.get<std::string>();
    if (auto problem = problem_with_text(content, kMaxNameCharacters)) {
      add(place, *std::move(problem));
    }
    return content;
  }

  LocalizedText localized(const std::string& place, const json& value) {
    LocalizedText texts;
    if (!value.is_object() || value.empty()) {
      add(place, R"(must have a text for each language, such as {"en": "Ward 4"})");
      return texts;
    }
    if (value.size() > kMaxLanguages) {
      add(place, fmt::format("must have at most {} languages", kMaxLanguages));
      return texts;
    }
    for (const auto& [language, content] : value.items()) {
      const std::string inner = member_place(place, language);
      if (auto problem = problem_with_language(language)) add(inner, *std::move(problem));
      texts[language] = text(inner, content);
    }
    return texts;
  }

  void read_choices(const json& document) {
    const json* choices = required("", document, "choices");
    if (choices == nullptr) return;
    if (!choices->is_array() || choices->empty() || choices->size() > kMaxChoices) {
      return add("/choices", fmt::format("must be a list of 1 to {} choices", kMaxChoices));
    }
    std::map<std::int64_t, std::size_t> numbers;
    for (std::size_t i = 0; i < choices->size(); ++i) read_choice(i, (*choices)[i], numbers);
  }

  void read_choice(std::size_t index, const json& value,
                   std::map<std::int64_t, std::size_t>& numbers) {
    const std::string place = fmt::format("/choices/{}", index);
    Choice& choice = definition_.choices.emplace_back();
    if (!value.is_object()) {
      return add(place, R"(must be an object such as {"voting": 0, "name": {"en": "Ada"}})");
    }
    refuse_unknown(place, value, kChoiceFields);
    const std::size_t before = problems_.size();
    choice.voting = integer(place, value, "voting", kMaxChoice);
    if (problems_.size() == before) {
      const auto [first, is_new] = numbers.emplace(choice.voting, index);
      if (!is_new) {
        add(place + "/voting", fmt::format("is the number of /choices/{} too", first->second));
      }
    }
    if (const json* name = required(place, value, "name")) {
      choice.name = localized(place + "/name", *name);
    }
  }

  void read_times(const json& document) {
    const bool has_times = document.contains("opens") || document.contains("closes");
    definition_.time_zone = "UTC";
    if (document.contains("time_zone") || has_times) read_zone(document);
    definition_.opens = time(document, "opens", known_ ? &known_->opens_ms : nullptr);
    definition_.closes = time(document, "closes", known_ ? &known_->closes_ms : nullptr);
    if (definition_.opens && definition_.closes &&
        definition_.opens->utc_ms >= definition_.closes->utc_ms) {
      add("/closes", "must be later than /opens");
    }
  }

  void read_zone(const json& document) {
    const json* value = required("", document, "time_zone");
    if (value == nullptr) return;
    if (value->is_string()) definition_.time_zone = value->get<std::string>();
    if (!value->is_string() || (known_ == nullptr && !is_time_zone(definition_.time_zone))) {
      add("/time_zone", "must be a time zone such as America/Toronto");
    }
  }

  std::optional<ZonedTime> time(const json& document, const char* name,
                                const std::optional<std::int64_t>* known) {
    const auto value = document.find(name);
    if (value == document.end()) return std::nullopt;
    const std::string place = member_place("", name);
    if (!value->is_string()) {
      add(place, "must be a text such as \"2026-12-01T08:00\"");
      return std::nullopt;
    }
    if (known != nullptr) {
      if (*known) return ZonedTime{value->get<std::string>(), **known};
      add(place, "has no instant");
      return std::nullopt;
    }
    // Without a zone there is one problem already.
    if (!is_time_zone(definition_.time_zone)) return std::nullopt;
    auto time = resolve_local_time(value->get<std::string>(), definition_.time_zone);
    if (time.ok()) return *std::move(time);
    add(place, std::string(time.status().message()));
    return std::nullopt;
  }

  void read_options(const json& document) {
    if (const json* value = required("", document, "eligibility")) {
      if (const auto index = one_of("/eligibility", *value, kEligibilities)) {
        definition_.eligibility = static_cast<Eligibility>(*index);
      }
    }
    if (const auto value = document.find("results"); value != document.end()) {
      if (const auto index = one_of("/results", *value, kVisibilities)) {
        definition_.results = static_cast<ResultsVisibility>(*index);
      }
    }
    if (const auto value = document.find("secrecy"); value != document.end() && *value != "plain") {
      add("/secrecy", "must be \"plain\"");
    }
    if (const auto value = document.find("test"); value != document.end()) {
      if (!value->is_boolean()) add("/test", "must be true or false");
      definition_.is_test = value->is_boolean() && value->get<bool>();
    }
  }

  std::optional<std::size_t> one_of(const std::string& place, const json& value,
                                    std::span<const std::string_view> texts) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (value == std::string(texts[i])) return i;
    }
    add(place, fmt::format("must be \"{}\"", fmt::join(texts, "\", \"")));
    return std::nullopt;
  }

  // In no language may a voter see two choices with one name.
  void refuse_same_names() {
    std::set<std::string> languages;
    for (const auto& [language, title] : definition_.title) languages.insert(language);
    for (const Choice& choice : definition_.choices) {
      for (const auto& [language, name] : choice.name) languages.insert(language);
    }
    if (languages.size() > kMaxLanguages) {
      return add("/choices", fmt::format("must have at most {} languages", kMaxLanguages));
    }
    std::set<std::size_t> reported;
    for (const std::string& language : languages) refuse_same_names_in(language, reported);
  }

  void refuse_same_names_in(const std::string& language, std::set<std::size_t>& reported) {
    std::map<std::string, std::size_t> seen;
    std::map<std::string, std::vector<std::size_t>> alike;  // by skeleton
    for (std::size_t i = 0; i < definition_.choices.size(); ++i) {
      const LocalizedText& name = definition_.choices[i].name;
      if (name.empty()) continue;
      const std::string& shown = text_in(name, language);
      if (shown.empty()) continue;
      const auto [first, is_new] = seen.emplace(comparison_key(shown), i);
      std::optional<std::size_t> same;
      if (!is_new) same = first->second;
      // Names of one script that look alike, such as "Barn" and "Bam", are allowed. A definition
      // that the office has signed was checked before.
      std::vector<std::size_t>& others = alike[known_ == nullptr ? skeleton(shown) : shown];
      for (const std::size_t other : others) {
        const std::string& before = text_in(definition_.choices[other].name, language);
        if (!same && look_the_same_in_other_scripts(before, shown)) same = other;
      }
      if (is_new && others.size() < kMaxAlike) others.push_back(i);
      if (!same || !reported.insert(i).second) continue;
      const bool is_same = text_in(definition_.choices[*same].name, language) == shown;
      add(fmt::format("/choices/{}/name", i),
          fmt::format("is shown in {} with the name of /choices/{}{}", language, *same,
                      is_same ? "" : " (in other letters that look the same)"));
    }
  }

  const Instants* known_;
  Definition definition_;
  std::vector<Problem> problems_;
};

}  // namespace

bool Definition::has_choice(std::int64_t voting) const {
  return std::ranges::any_of(choices, [&](const Choice& each) { return each.voting == voting; });
}

const std::string& text_in(const LocalizedText& text, const std::string& language) {
  static const std::string kNone;
  if (text.empty()) return kNone;
  for (const std::string& tag :
       {language, language.substr(0, language.find('-')), std::string("en")}) {
    if (const auto found = text.find(tag); found != text.end()) return found->second;
  }
  return text.begin()->second;
}

std::string_view to_text(Eligibility eligibility) {
  return kEligibilities[static_cast<std::size_t>(eligibility)];
}

std::string_view to_text(ResultsVisibility visibility) {
  return kVisibilities[static_cast<std::size_t>(visibility)];
}

std::variant<Definition, std::vector<Problem>> parse_definition(std::string_view text,
                                                                const Instants* known) {
  if (text.size() > kMaxDefinitionBytes) {
    return std::vector<Problem>{
        {"", fmt::format("must have at most {} bytes", kMaxDefinitionBytes)}};
  }
  StrictJson document = parse_strict_json(text);
  std::vector<Problem> problems = std::move(document.problems);
  // Text that is not JSON has no fields to look at.
  if (problems.size() == 1 && problems.front().place.empty()) return problems;
  Reader reader(known);
  reader.read(document.value);
  std::ranges::move(reader.problems(), std::back_inserter(problems));
  if (!problems.empty()) return problems;
  reader.definition().canonical = to_canonical(document.value);
  return std::move(reader.definition());
}

Sha256 fingerprint(const Definition& definition) { return sha256(definition.canonical); }

std::string short_fingerprint(const Sha256& fingerprint) {
  const std::string hex = to_hex(fingerprint);
  return hex.substr(0, 4) + " " + hex.substr(4, 4);
}

}  // namespace pollbus
