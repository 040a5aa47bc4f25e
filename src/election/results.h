#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "election/definition.h"
#include "election/election_state.h"

namespace pollbus {

// Turns counts into a result that can be shown: places, ties, percentages and turnout. Pure
// functions; thread-safe. Counts are at least 0 and their sum is at most kMaxId.

// What is known about an election at one moment.
struct ResultsInput {
  Definition definition;
  Phase phase = Phase::kDefined;
  // Votes by choice number. make_results() drops them while the tally may not be seen.
  std::optional<std::map<std::int64_t, std::int64_t>> votes_by_choice;
  std::map<std::int64_t, std::int64_t> votes_by_machine;
  std::optional<std::int64_t> roll;   // voters on the roll
  std::optional<std::int64_t> marks;  // voters who are marked as having voted
  // The moment that the result describes. For a closed election use the time of its last event, so
  // that every export of the same result has the same bytes.
  std::int64_t as_of_utc_ms = 0;
  std::int64_t sequence = 0;  // of the last event
  Sha256 last{};              // its hash
};

struct ChoiceResult {
  std::int64_t voting = 0;
  LocalizedText name;
  std::int64_t votes = 0;
  int tenths_of_percent = 0;  // of the valid votes; all choices add up to 1,000
  int place = 0;              // from 1; equal votes share a place; 0 while there are no votes
  bool is_tied = false;       // whether another choice has equally many votes
};

// Votes for the choices of the definition. Every vote names exactly one choice.
struct Tally {
  std::vector<ChoiceResult> choices;  // in the order of the definition
  std::int64_t valid = 0;
  std::int64_t blank = 0;
  std::int64_t rejected = 0;         // votes for a number that is not a choice of the definition
  std::vector<std::size_t> leading;  // the choices with place 1, as indices
  bool has_majority = false;         // whether the leading choice has more than half of valid votes
};

struct Turnout {
  std::int64_t voted = 0;
  std::optional<std::int64_t> roll;
  // std::nullopt without a roll or with an empty one.
  std::optional<int> tenths_of_percent;
  std::map<std::int64_t, std::int64_t> by_machine;
};

struct Results {
  Definition definition;
  std::string short_fingerprint;
  Phase phase = Phase::kDefined;
  std::optional<Tally> tally;  // std::nullopt while it may not be seen
  Turnout turnout;
  std::int64_t as_of_utc_ms = 0;
  std::int64_t sequence = 0;
  Sha256 last{};
};

// Whether anything but turnout may be shown.
bool is_tally_visible(ResultsVisibility visibility, Phase phase);

Results make_results(const ResultsInput& input);

// Shares of `counts` in tenths of a percent that add up to 1,000, by the method of the largest
// remainder; of equal remainders the larger count goes first, then the earlier one. All 0 if the
// sum is 0.
std::vector<int> largest_remainder_tenths(const std::vector<std::int64_t>& counts);

// The choices' indices with the most votes first; equal votes keep the order of the definition.
std::vector<std::size_t> by_votes(const Tally& tally);

// "not open yet", "open", "paused", "closed, not final" or "certified".
std::string_view status_text(Phase phase);

// "TEST", "UNOFFICIAL" or both, for titles and file names; empty for a certified result.
std::vector<std::string_view> markings(const Results& results);

// One sentence, such as "Tie for first place: Ada, Alan (5 votes each)" or "No votes".
std::string headline(const Results& results, const std::string& language);

// "33.3 %" and "1,234", as the English reports print them.
std::string format_tenths(int tenths_of_percent);
std::string format_count(std::int64_t count);

}  // namespace pollbus
