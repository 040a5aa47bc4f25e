#include "voting_machine/person.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

#include "base/text.h"
#include "election/uuid.h"

namespace pollbus::voting_machine {
namespace {

constexpr char kLanguage[] = "en";

// The choices in words for an error: "0, 1 or 2".
std::string choices_of(const Definition& definition) {
  constexpr std::size_t kShown = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(definition.choices.size(), kShown); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", definition.choices[i].voting);
  return definition.choices.size() > kShown ? text + ", ..." : text;
}

std::optional<std::string> read_line(std::istream& in, std::ostream& out, const std::string& text) {
  out << text << std::flush;
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

// Asks until `accept` returns true. False if the input ends first.
template <typename Accept>
bool ask(std::istream& in, std::ostream& out, const std::string& question,
         const std::string& expected, Accept accept) {
  while (const auto line = read_line(in, out, question)) {
    if (accept(*line)) return true;
    out << expected << '\n';
  }
  return false;
}

bool ask_for_code(std::istream& in, std::ostream& out, PersonVote* vote) {
  return ask(in, out,
             "Please enter the code: ", "This is not a code: please compare each character.",
             [&](const std::string& line) {
               const auto code = parse_voter_code(line);
               if (code) vote->code = format_voter_code(*code);
               return code.has_value();
             });
}

bool ask_for_voter(std::istream& in, std::ostream& out, PersonVote* vote) {
  return ask(in, out, "Please enter the voter number (integer): ",
             fmt::format("A voter number is an integer from 0 to {}.", kMaxId),
             [&](const std::string& line) {
               const auto number = parse_integer(line);
               if (!number || *number < 0 || *number > kMaxId) return false;
               vote->voter = *number;
               return true;
             });
}

bool ask_for_choice(std::istream& in, std::ostream& out, const Definition* definition,
                    PersonVote* vote) {
  const std::string expected =
      definition != nullptr ? fmt::format("The choices are {}.", choices_of(*definition))
                            : fmt::format("A choice is an integer from 0 to {}.", kMaxChoice);
  return ask(in, out, "Please enter the choice (integer): ", expected,
             [&](const std::string& line) {
               const auto number = parse_integer(line);
               if (!number || *number < 0 || *number > kMaxChoice) return false;
               if (definition != nullptr && !definition->has_choice(*number)) return false;
               vote->choice = *number;
               return true;
             });
}

}  // namespace

std::string describe(const ElectionState& election, std::int64_t now_ms) {
  const Definition& definition = election.definition;
  std::string text =
      fmt::format("{}: {}{} ({}, definition {})\n", definition.event,
                  text_in(definition.title, kLanguage), definition.is_test ? " [TEST]" : "",
                  to_text(phase_at(election, now_ms)), short_fingerprint(fingerprint(definition)));
  for (const Choice& choice : definition.choices)
    text += fmt::format("  {:>4}  {}\n", choice.voting, text_in(choice.name, kLanguage));
  return text;
}

absl::Status check(const PersonVote& vote, const Definition& definition) {
  const bool needs_code = definition.eligibility == Eligibility::kCodes;
  if (vote.choice && !definition.has_choice(*vote.choice)) {
    return absl::InvalidArgumentError(fmt::format("--choice: election {} has the choices {}",
                                                  definition.election, choices_of(definition)));
  }
  if (!vote.code.empty() && !needs_code) {
    return absl::InvalidArgumentError(
        fmt::format("--code: election {} has no codes; give --voter", definition.election));
  }
  if (vote.voter && needs_code) {
    return absl::InvalidArgumentError(
        fmt::format("--voter: election {} has codes; give --code", definition.election));
  }
  return absl::OkStatus();
}

bool ask_for_missing(std::istream& in, std::ostream& out, const Definition* definition,
                     PersonVote* vote) {
  const bool needs_code = definition != nullptr && definition->eligibility == Eligibility::kCodes;
  if (needs_code && vote->code.empty() && !ask_for_code(in, out, vote)) return false;
  if (!needs_code && !vote->voter && !ask_for_voter(in, out, vote)) return false;
  if (!vote->choice && !ask_for_choice(in, out, definition, vote)) return false;
  if (needs_code) vote->voter = parse_voter_code(vote->code)->voter;
  return true;
}

Voter voter_of(PersonVote vote) {
  return [vote = std::move(vote)](std::int64_t election, std::int64_t machine,
                                  std::int64_t timestamp_ms) {
    return SubmittedVote{.election = election,
                         .machine = machine,
                         .voter = *vote.voter,
                         .choice = *vote.choice,
                         .uuid = random_uuid(),
                         .timestamp_ms = timestamp_ms,
                         .code = vote.code.empty() ? std::nullopt : std::optional(vote.code)};
  };
}

Voter within(Voter voter, const Definition& definition) {
  std::vector<std::int64_t> votings;
  for (const Choice& choice : definition.choices) votings.push_back(choice.voting);
  return [voter = std::move(voter), votings = std::move(votings)](
             std::int64_t election, std::int64_t machine, std::int64_t timestamp_ms) {
    SubmittedVote vote = voter(election, machine, timestamp_ms);
    vote.choice = votings[static_cast<std::size_t>(vote.choice) % votings.size()];
    return vote;
  };
}

}  // namespace pollbus::voting_machine
