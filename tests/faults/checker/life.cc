#include "faults/checker/life.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace pollbus::faults {
namespace {

constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

// The texts of docs/wire-format.md.
constexpr std::array<std::string_view, 4> kNotNow = {
    "the election is not open", "the election is paused", "the election is closed",
    "the election is not defined"};
constexpr std::array<std::string_view, 3> kNever = {
    "the voter is not on the roll", "the code is wrong", "the choice does not exist"};

template <typename Texts>
bool is_one_of(const Texts& texts, const std::string& text) {
  return std::ranges::find(texts, text) != texts.end();
}

std::int64_t answered_us(const Vote& vote) {
  std::int64_t first = kForEver;
  for (const Answer& answer : vote.answers) first = std::min(first, answer.t_us);
  return first;
}

}  // namespace

Life::Life(const Evidence& evidence) {
  for (const LifeStep& step : evidence.steps) steps_[step.election].push_back(step);
  for (auto& [election, steps] : steps_) std::ranges::stable_sort(steps, {}, &LifeStep::begun_us);
  for (const Sealed& seal : evidence.seals) sealed_us_[seal.election] = seal.t_us;
}

bool Life::was(std::int64_t election, bool is_open, std::int64_t from_us,
               std::int64_t to_us) const {
  const auto found = steps_.find(election);
  if (found == steps_.end()) return false;
  const auto& steps = found->second;
  // The last step that had ended, and the first one that had not.
  const auto next =
      std::ranges::find_if(steps, [&](const LifeStep& step) { return step.t_us >= from_us; });
  const bool before = next == steps.begin() ? false : std::prev(next)->is_open;
  if (before != is_open) return false;
  return std::all_of(next, steps.end(), [&](const LifeStep& step) {
    return step.begun_us > to_us || step.is_open == is_open;
  });
}

bool Life::was_not_open_at(std::int64_t election, std::int64_t t_us) const {
  return was(election, /*is_open=*/false, t_us, t_us);
}

bool Life::was_not_open_for(const Vote& vote) const {
  return was(vote.content.election, /*is_open=*/false, vote.cast_us, answered_us(vote));
}

bool Life::was_sealed_before(std::int64_t election, std::int64_t t_us) const {
  const auto found = sealed_us_.find(election);
  return found != sealed_us_.end() && found->second < t_us;
}

std::optional<Life::Wrong> Life::wrong_rejection(const Vote& vote) const {
  const auto rejected = std::ranges::find(vote.answers, Outcome::kRejected, &Answer::result);
  if (rejected == vote.answers.end()) return std::nullopt;
  if (!steps_.contains(vote.content.election)) return Wrong{"bad input", "was rejected"};
  if (is_one_of(kNever, rejected->reason)) {
    if (vote.eligible != Eligible::kYes) return std::nullopt;
    return Wrong{"I8", "was rejected although its voter may vote for its choice"};
  }
  if (!is_one_of(kNotNow, rejected->reason)) return Wrong{"bad input", "was rejected"};
  if (!was(vote.content.election, /*is_open=*/true, vote.cast_us, answered_us(vote)))
    return std::nullopt;
  return Wrong{"I8", "was rejected although the election was open"};
}

}  // namespace pollbus::faults
