#include "election/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace pollbus {
namespace {

constexpr int kWhole = 1'000;  // 100 % in tenths of a percent

std::int64_t sum_of(const std::map<std::int64_t, std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& entry) { return sum + entry.second; });
}

void set_places(Tally& tally) {
  if (tally.valid == 0) return;
  const std::vector<std::size_t> order = by_votes(tally);
  for (std::size_t i = 0; i < order.size(); ++i) {
    ChoiceResult& choice = tally.choices[order[i]];
    choice.place = static_cast<int>(i) + 1;
    if (i == 0) continue;
    ChoiceResult& before = tally.choices[order[i - 1]];
    if (before.votes != choice.votes) continue;
    choice.place = before.place;
    before.is_tied = choice.is_tied = true;
  }
  for (std::size_t i = 0; i < tally.choices.size(); ++i)
    if (tally.choices[i].place == 1) tally.leading.push_back(i);
  tally.has_majority = tally.choices[tally.leading.front()].votes > tally.valid / 2;
}

Tally make_tally(const Definition& definition, std::map<std::int64_t, std::int64_t> votes) {
  Tally tally;
  std::vector<std::int64_t> counts;
  for (const Choice& choice : definition.choices) {
    const std::int64_t count = votes[choice.voting];
    votes.erase(choice.voting);
    counts.push_back(count);
    tally.valid += count;
    tally.choices.push_back({.voting = choice.voting, .name = choice.name, .votes = count});
  }
  tally.rejected = sum_of(votes);
  const std::vector<int> shares = largest_remainder_tenths(counts);
  for (std::size_t i = 0; i < shares.size(); ++i) tally.choices[i].tenths_of_percent = shares[i];
  set_places(tally);
  return tally;
}

// Rounded half up.
int rounded_tenths(std::int64_t part, std::int64_t whole) {
  return static_cast<int>((part * kWhole + whole / 2) / whole);
}

Turnout make_turnout(const ResultsInput& input) {
  Turnout turnout{.voted = input.marks.value_or(sum_of(input.votes_by_machine)),
                  .roll = input.roll,
                  .by_machine = input.votes_by_machine};
  if (turnout.roll.value_or(0) > 0)
    turnout.tenths_of_percent = rounded_tenths(turnout.voted, *turnout.roll);
  return turnout;
}

std::string names_of_leading(const Tally& tally, const std::string& language) {
  std::string names;
  for (const std::size_t index : tally.leading) {
    if (!names.empty()) names += ", ";
    names += text_in(tally.choices[index].name, language);
  }
  return names;
}

std::string_view plural(std::int64_t count) { return count == 1 ? "vote" : "votes"; }

}  // namespace

bool is_tally_visible(ResultsVisibility visibility, Phase phase) {
  switch (phase) {
    case Phase::kDefined:
      return false;
    case Phase::kOpen:
    case Phase::kPaused:
      return visibility == ResultsVisibility::kLive;
    case Phase::kClosed:
    case Phase::kSealed:
    case Phase::kCertified:
      return true;
  }
  return false;
}

Results make_results(const ResultsInput& input) {
  Results results{.definition = input.definition,
                  .short_fingerprint = short_fingerprint(fingerprint(input.definition)),
                  .phase = input.phase,
                  .turnout = make_turnout(input),
                  .as_of_utc_ms = input.as_of_utc_ms,
                  .sequence = input.sequence,
                  .last = input.last};
  if (input.votes_by_choice && is_tally_visible(input.definition.results, input.phase))
    results.tally = make_tally(input.definition, *input.votes_by_choice);
  return results;
}

std::vector<int> largest_remainder_tenths(const std::vector<std::int64_t>& counts) {
  std::vector<int> shares(counts.size(), 0);
  const std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (sum == 0) return shares;
  int given = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    given += shares[i] = static_cast<int>(counts[i] * kWhole / sum);
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto remainder = [&](std::size_t i) { return counts[i] * kWhole % sum; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(remainder(a), counts[a]) > std::pair(remainder(b), counts[b]);
  });
  for (std::size_t i = 0; given < kWhole; ++i, ++given) ++shares[order[i]];
  return shares;
}

std::vector<std::size_t> by_votes(const Tally& tally) {
  std::vector<std::size_t> order(tally.choices.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tally.choices[a].votes > tally.choices[b].votes;
  });
  return order;
}

std::string_view status_text(Phase phase) {
  switch (phase) {
    case Phase::kDefined:
      return "not open yet";
    case Phase::kOpen:
      return "open";
    case Phase::kPaused:
      return "paused";
    case Phase::kClosed:
    case Phase::kSealed:
      return "closed, not final";
    case Phase::kCertified:
      return "certified";
  }
  return "";
}

std::vector<std::string_view> markings(const Results& results) {
  std::vector<std::string_view> all;
  if (results.definition.is_test) all.push_back("TEST");
  if (results.phase != Phase::kCertified) all.push_back("UNOFFICIAL");
  return all;
}

std::string headline(const Results& results, const std::string& language) {
  if (!results.tally) return "The result is shown after the election has closed";
  const Tally& tally = *results.tally;
  if (tally.valid == 0) return "No votes";
  const std::int64_t most = tally.choices[tally.leading.front()].votes;
  const std::string names = names_of_leading(tally, language);
  if (tally.leading.size() > 1)
    return fmt::format("Tie for first place: {} ({} {} each)", names, format_count(most),
                       plural(most));
  return fmt::format("Most votes: {} ({} of {} valid votes)", names, format_count(most),
                     format_count(tally.valid));
}

std::string format_tenths(int tenths_of_percent) {
  return fmt::format("{}.{} %", tenths_of_percent / 10, tenths_of_percent % 10);
}

std::string format_count(std::int64_t count) {
  std::string digits = std::to_string(count);
  for (std::ptrdiff_t i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

}  // namespace pollbus
