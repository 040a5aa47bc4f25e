#pragma once

#include <utility>

#include "election/results.h"

namespace pollbus {

// An election with these choices, closed, whose votes are to be filled in.
inline ResultsInput closed_election(const std::vector<std::string>& names) {
  ResultsInput input;
  input.definition.election = 12;
  input.definition.event = "City 2026";
  input.definition.title = {{"en", "Ward 4"}, {"fr", "Quartier 4"}};
  input.definition.time_zone = "America/Toronto";
  input.definition.opens = ZonedTime{"2026-12-01T08:00", 1'796'130'000'000};
  input.definition.closes = ZonedTime{"2026-12-01T20:00", 1'796'173'200'000};
  input.definition.canonical = "{}";
  for (const std::string& name : names)
    input.definition.choices.push_back(
        {.voting = static_cast<std::int64_t>(input.definition.choices.size()),
         .name = {{"en", name}}});
  input.phase = Phase::kClosed;
  input.as_of_utc_ms = 1'796'173'260'000;  // 2026-12-02T01:01:00Z, still 1 December in Toronto
  input.sequence = 4;
  input.last = sha256("event 4");
  return input;
}

inline ResultsInput with_votes(ResultsInput input, const std::vector<std::int64_t>& votes) {
  input.votes_by_choice.emplace();
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    (*input.votes_by_choice)[static_cast<std::int64_t>(i)] = votes[i];
    sum += votes[i];
  }
  input.votes_by_machine = {{3, sum}};
  return input;
}

// Results of a closed election whose choices are called A, B, C ….
inline Results results_of(const std::vector<std::int64_t>& votes) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < votes.size(); ++i)
    names.push_back(std::string(1, static_cast<char>('A' + i)));
  return make_results(with_votes(closed_election(names), votes));
}

}  // namespace pollbus
