#include "election_office/definition_dialogue.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <vector>

#include "base/files.h"
#include "base/status.h"
#include "base/text.h"
#include "election/definition.h"
#include "election/vote.h"

namespace pollbus::election_office {
namespace {

using Json = nlohmann::ordered_json;
// What is wrong with an answer, or nothing.
using Check = std::function<std::optional<std::string>(const std::string&)>;

// Asks questions until the answers are right.
class Dialogue {
 public:
  Dialogue(std::istream& in, std::ostream& out) : in_(in), out_(out) {}

  // An empty answer stands for `preset`. Empty once the input has ended.
  std::string ask(const std::string& question, const std::string& preset, const Check& check) {
    while (true) {
      out_ << question << (preset.empty() ? "" : " [" + preset + "]") << ": " << std::flush;
      std::string answer;
      if (!std::getline(in_, answer)) {
        has_ended_ = true;
        return "";
      }
      if (answer.ends_with('\r')) answer.pop_back();
      if (answer.empty()) answer = preset;
      const auto problem = check(answer);
      if (!problem) return answer;
      out_ << "  The answer " << *problem << ".\n";
    }
  }

  bool has_ended() const { return has_ended_; }
  std::ostream& out() { return out_; }

 private:
  std::istream& in_;
  std::ostream& out_;
  bool has_ended_ = false;
};

std::optional<std::string> anything(const std::string&) { return std::nullopt; }

std::optional<std::string> some_text(const std::string& text) {
  if (text.empty()) return "must not be empty";
  return std::nullopt;
}

std::optional<std::string> election_number(const std::string& text) {
  const auto number = parse_integer(text);
  if (number && *number >= 0 && *number <= kMaxId) return std::nullopt;
  return "must be a number from 0 to 2^53-1";
}

std::optional<std::string> known_zone(const std::string& text) {
  if (is_time_zone(text)) return std::nullopt;
  return "must be a time zone such as America/Toronto";
}

Check local_time_in(const std::string& zone) {
  return [zone](const std::string& text) -> std::optional<std::string> {
    if (text.empty()) return std::nullopt;
    const auto time = resolve_local_time(text, zone);
    if (time.ok()) return std::nullopt;
    return std::string(time.status().message());
  };
}

Check one_of(std::vector<std::string> texts) {
  return [texts = std::move(texts)](const std::string& text) -> std::optional<std::string> {
    for (const std::string& allowed : texts) {
      if (allowed == text) return std::nullopt;
    }
    return fmt::format("must be one of: {}", fmt::join(texts, ", "));
  };
}

Json ask_in_languages(Dialogue& dialogue, const std::string& what,
                      const std::vector<std::string>& languages, const std::string& first) {
  Json texts = Json::object();
  for (const std::string& language : languages) {
    if (language == languages.front() && !first.empty()) {
      texts[language] = first;
      continue;
    }
    const bool is_first = language == languages.front();
    const std::string answer = dialogue.ask(
        fmt::format("{} in {}{}", what, language, is_first ? "" : " (empty: the same)"), "",
        is_first ? Check(some_text) : Check(anything));
    if (!answer.empty()) texts[language] = answer;
  }
  return texts;
}

Json ask_choices(Dialogue& dialogue, const std::vector<std::string>& languages) {
  Json choices = Json::array();
  dialogue.out() << "The choices, one after the other; an empty name ends the list.\n";
  while (!dialogue.has_ended()) {
    const std::string what = fmt::format("Choice {}", choices.size());
    const std::string name = dialogue.ask(fmt::format("{} in {}", what, languages.front()), "",
                                          choices.empty() ? Check(some_text) : Check(anything));
    if (name.empty()) break;
    Json choice = {{"voting", choices.size()}};
    choice["name"] = ask_in_languages(dialogue, what, languages, name);
    choices.push_back(std::move(choice));
  }
  return choices;
}

void ask_times(Dialogue& dialogue, Json& definition) {
  const std::string zone = dialogue.ask("Time zone", "UTC", known_zone);
  const auto check = local_time_in(zone);
  const std::string opens =
      dialogue.ask("Opens at (local time such as 2026-12-01T08:00; empty: by hand)", "", check);
  const std::string closes = dialogue.ask("Closes at (empty: by hand)", "", check);
  if (!opens.empty()) definition["opens"] = opens;
  if (!closes.empty()) definition["closes"] = closes;
  definition["time_zone"] = zone;
}

}  // namespace

absl::StatusOr<std::string> definition_dialogue(std::istream& in, std::ostream& out) {
  Dialogue dialogue(in, out);
  Json definition;
  const std::string number = dialogue.ask("Number of the election", "", election_number);
  definition["election_ID"] = parse_integer(number).value_or(0);
  definition["event"] =
      dialogue.ask("Event, the same for all contests of a day (such as City 2026)", "", some_text);
  auto languages = split_at_commas(dialogue.ask("Languages", "en", some_text));
  if (languages.empty()) languages = {"en"};
  definition["title"] = ask_in_languages(dialogue, "Title of the contest", languages, "");
  definition["choices"] = ask_choices(dialogue, languages);
  ask_times(dialogue, definition);
  definition["eligibility"] = dialogue.ask("Who may vote: open (everyone), roll, or codes", "roll",
                                           one_of({"open", "roll", "codes"}));
  definition["results"] = dialogue.ask("Results are shown: after close, or live", "after close",
                                       one_of({"after close", "live"}));
  if (dialogue.ask("Is this a rehearsal (yes or no)", "no", one_of({"yes", "no"})) == "yes") {
    definition["test"] = true;
  }
  if (dialogue.has_ended()) return absl::CancelledError("the input ended: nothing was written");
  const std::string text = definition.dump(2) + "\n";
  const auto parsed = parse_definition(text);
  if (std::holds_alternative<Definition>(parsed)) return text;
  std::vector<std::string> lines;
  for (const auto& [place, what] : std::get<std::vector<Problem>>(parsed)) {
    lines.push_back(fmt::format("{} {}", place, what));
  }
  return missing_error("the definition has problems, and nothing was written", lines);
}

absl::StatusOr<Report> ask_for_definition(const std::string& given) {
  ASSIGN_OR_RETURN(const std::string text, definition_dialogue(std::cin, std::cout));
  const auto definition = std::get<Definition>(parse_definition(text));
  const std::string file =
      given.empty() ? fmt::format("election-{}.json", definition.election) : given;
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    return absl::AlreadyExistsError(file + " exists already and is kept: name another file");
  }
  constexpr mode_t kEverybodyReads = 0644;
  RETURN_IF_ERROR(write_whole_file(file, text, kEverybodyReads));
  return Report{
      .what = fmt::format("The definition of election {} is in {}.", definition.election, file),
      .next = fmt::format("read it through and run: election-office check {}", file),
      .details = {{"file", file}, {"election_ID", definition.election}}};
}

}  // namespace pollbus::election_office
