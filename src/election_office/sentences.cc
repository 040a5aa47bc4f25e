#include "election_office/sentences.h"

#include <fmt/format.h>

namespace pollbus::election_office {
namespace {

std::string roll_step(const ElectionState& state) {
  return state.definition.eligibility == Eligibility::kCodes
             ? "import the roll (election-office roll import FILE), then write the mailing list of "
               "the codes (election-office roll codes --out FILE)"
             : "import the roll: election-office roll import FILE";
}

std::string defined_step(const ElectionState& state) {
  if (state.definition.needs_roll() && !state.roll) return roll_step(state) + ".";
  if (state.opens_ms) {
    return fmt::format("it opens by itself at {}; election-office open opens it earlier.",
                       both_times(*state.opens_ms, state.definition.time_zone));
  }
  return "open it: election-office open.";
}

std::string open_step(const ElectionState& state) {
  if (state.closes_ms) {
    return fmt::format(
        "it closes by itself at {}; election-office extend moves that time, and "
        "election-office close closes it at once.",
        both_times(*state.closes_ms, state.definition.time_zone));
  }
  return "when voting ends: election-office close.";
}

}  // namespace

std::string both_times(std::int64_t utc_ms, const std::string& zone) {
  return fmt::format("{}, {}", local_text(utc_ms, zone), utc_text(utc_ms));
}

std::string phase_sentence(const ElectionState& state, std::int64_t now_ms) {
  const Phase phase = phase_at(state, now_ms);
  const std::string& zone = state.definition.time_zone;
  if (phase == Phase::kDefined && state.opens_ms && now_ms < *state.opens_ms) {
    return fmt::format("defined, opens at {}", local_text(*state.opens_ms, zone));
  }
  if ((phase == Phase::kOpen || phase == Phase::kPaused) && state.closes_ms) {
    return fmt::format("{}, closes at {}", to_text(phase), local_text(*state.closes_ms, zone));
  }
  if (phase == Phase::kClosed && state.phase != Phase::kClosed) {
    return fmt::format("closed by its closing time, {}", local_text(*state.closes_ms, zone));
  }
  return std::string(to_text(phase));
}

std::string next_step(const ElectionState& state, std::int64_t now_ms) {
  switch (phase_at(state, now_ms)) {
    case Phase::kDefined:
      return defined_step(state);
    case Phase::kOpen:
      return open_step(state);
    case Phase::kPaused:
      return "election-office resume lets the voting go on.";
    case Phase::kClosed:
      return state.phase == Phase::kClosed
                 ? "seal it, so that no vote can be added any more: election-office seal."
                 : "confirm the closing: election-office close.";
    case Phase::kSealed:
      return "check the results (election-office results), then certify them: election-office "
             "certify.";
    case Phase::kCertified:
      return "export the results: election-office results --format csv --out FILE.";
  }
  return "";
}

nlohmann::json state_details(const ElectionState& state, std::int64_t now_ms) {
  nlohmann::json details = {
      {"election_ID", state.definition.election},
      {"event", state.definition.event},
      {"title", state.definition.title},
      {"fingerprint", to_hex(fingerprint(state.definition))},
      {"phase", to_text(phase_at(state, now_ms))},
      {"sequence", state.sequence},
      {"last", to_hex(state.last)},
      {"test", state.definition.is_test},
  };
  if (state.opens_ms) details["opens_utc"] = utc_text(*state.opens_ms);
  if (state.closes_ms) details["closes_utc"] = utc_text(*state.closes_ms);
  if (state.definition.needs_roll()) details["voters"] = state.voters();
  if (state.roll) details["roll_hash"] = to_hex(state.roll->hash);
  if (state.marks) details["votes"] = *state.marks;
  return details;
}

}  // namespace pollbus::election_office
