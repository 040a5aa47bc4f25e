#include "faults/checker/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace pollbus::faults {
namespace {

constexpr std::size_t kMaxStories = 10;
constexpr std::size_t kMaxViolationsListed = 1'000;

using nlohmann::json;

json number_or_null(std::optional<std::int64_t> number) {
  return number ? json(*number) : json(nullptr);
}

json to_json_value(const Recovery& recovery) {
  return {{"id", recovery.fault->id},
          {"kind", recovery.fault->kind},
          {"target", recovery.fault->target},
          {"resolved_after_ms", number_or_null(recovery.resolved_after_ms)},
          {"rate_after_ms", number_or_null(recovery.rate_after_ms)}};
}

std::string in_seconds(std::optional<std::int64_t> ms) {
  return ms ? fmt::format("{:.1f} s", static_cast<double>(*ms) / 1'000) : "not seen";
}

std::string recovery_text(const Recoveries& recoveries) {
  if (recoveries.all.empty()) return "";
  const Recovery& last = recoveries.all.back();
  std::optional<std::int64_t> slowest = 0;
  for (const Recovery& recovery : recoveries.all) {
    slowest = slowest && recovery.resolved_after_ms
                  ? std::optional(std::max(*slowest, *recovery.resolved_after_ms))
                  : std::nullopt;
  }
  return fmt::format(
      "after the last fault ({} {}) was healed: every pending vote answered after {}, full rate "
      "again after {} ({:.0f} votes a second before the first fault)\n"
      "after any fault was healed: every vote pending then was answered after {} at the latest\n",
      last.fault->kind, last.fault->target, in_seconds(last.resolved_after_ms),
      in_seconds(last.rate_after_ms), recoveries.baseline_votes_per_second, in_seconds(slowest));
}

}  // namespace

std::string to_json(const Evidence& evidence, const Judgement& judgement,
                    const Recoveries& recoveries) {
  json violations = json::array();
  for (const Violation& violation : judgement.violations) {
    if (violations.size() == kMaxViolationsListed) break;
    violations.push_back(
        {{"invariant", violation.invariant}, {"uuid", violation.uuid}, {"what", violation.what}});
  }
  json all = json::array();
  for (const Recovery& recovery : recoveries.all) all.push_back(to_json_value(recovery));
  json recovery{{"baseline_votes_per_second", recoveries.baseline_votes_per_second},
                {"last_heal_us", nullptr},
                {"resolved_after_ms", nullptr},
                {"rate_after_ms", nullptr},
                {"by_fault", std::move(all)}};
  if (!recoveries.all.empty()) {
    const Recovery& last = recoveries.all.back();
    recovery["last_heal_us"] = *last.fault->healed_us;
    recovery["resolved_after_ms"] = number_or_null(last.resolved_after_ms);
    recovery["rate_after_ms"] = number_or_null(last.rate_after_ms);
  }
  return json{{"votes", judgement.votes},
              {"successful", judgement.successful},
              {"already_voted", judgement.already_voted},
              {"answered", judgement.successful + judgement.already_voted},
              {"timed_out", judgement.timed_out},
              {"violation_count", judgement.violations.size()},
              {"violations", std::move(violations)},
              {"faults", evidence.faults.size()},
              {"poisons", evidence.poisons.size()},
              {"recovery", std::move(recovery)}}
      .dump();
}

std::string to_text(const Evidence& evidence, const Keys& keys, const Judgement& judgement,
                    const Recoveries& recoveries) {
  std::string text = fmt::format(
      "{} votes cast: {} successful, {} already voted, {} timed out meanwhile; {} faults, {} bad "
      "messages\n",
      judgement.votes, judgement.successful, judgement.already_voted, judgement.timed_out,
      evidence.faults.size(), evidence.poisons.size());
  std::size_t stories = 0;
  for (const Violation& violation : judgement.violations) {
    if (stories == kMaxStories) {
      text += fmt::format("… and {} more\n", judgement.violations.size() - stories);
      break;
    }
    ++stories;
    text += fmt::format("\nBROKEN {}: {} {}\n", violation.invariant,
                        violation.uuid.empty() ? "the election:" : violation.uuid, violation.what);
    if (!violation.uuid.empty()) text += story_of(evidence, keys, violation.uuid);
  }
  text += recovery_text(recoveries);
  text += judgement.violations.empty()
              ? "every invariant holds\n"
              : fmt::format("{} violations\n", judgement.violations.size());
  return text;
}

}  // namespace pollbus::faults
