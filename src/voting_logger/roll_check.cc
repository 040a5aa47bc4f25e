#include "voting_logger/roll_check.h"

#include <fmt/format.h>

namespace pollbus::voting_logger {
namespace {

std::optional<std::string> problem_with_codes(const Definition& definition, bool has_codes) {
  const bool needs_codes = definition.eligibility == Eligibility::kCodes;
  if (has_codes == needs_codes) return std::nullopt;
  return needs_codes ? "the election has codes, and the roll has none"
                     : "the roll has codes, and the election has none";
}

}  // namespace

std::vector<std::int64_t> missing_chunks(const StagedRoll& staged, std::int64_t chunks) {
  std::vector<std::int64_t> missing;
  auto next = staged.chunk_hashes.begin();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    if (next != staged.chunk_hashes.end() && next->first == chunk) {
      ++next;
      continue;
    }
    if (missing.size() == wire::kMaxMissingChunks) break;
    missing.push_back(chunk);
  }
  return missing;
}

std::optional<std::string> problem_with_chunk(const Definition& definition,
                                              const wire::RollChunk& chunk) {
  if (!definition.needs_roll()) return "the election is open to everyone and has no roll";
  if (chunk.count > kMaxRollVoters)
    return fmt::format("a roll has at most {} voters", kMaxRollVoters);
  if (chunk.chunks > chunk.count) return "the roll has more chunks than voters";
  return problem_with_codes(definition, chunk.has_codes);
}

std::optional<std::string> problem_with_roll(const Definition& definition, const RollSummary& roll,
                                             const StagedRoll& staged) {
  if (staged.count != roll.count || staged.chunks != roll.chunks) {
    return fmt::format("the roll has {} voters in {} chunks, and its chunks say {} in {}",
                       roll.count, roll.chunks, staged.count, staged.chunks);
  }
  std::vector<Sha256> hashes;
  for (const auto& [chunk, hash] : staged.chunk_hashes) hashes.push_back(hash);
  if (wire::roll_hash(staged.salt, hashes) != roll.hash)
    return "the chunks are not those of this roll";
  return problem_with_codes(definition, staged.has_codes);
}

std::optional<std::string> problem_with_new_voter(const ElectionState& state,
                                                  const RollEntry& voter) {
  if (!state.definition.needs_roll()) return "the election is open to everyone and has no roll";
  if (!state.roll) return "the roll must be imported before a voter can be added";
  const bool needs_code = state.definition.eligibility == Eligibility::kCodes;
  if (needs_code == voter.code_hash.has_value()) return std::nullopt;
  return needs_code ? "the voter needs a code" : "the election has no codes";
}

}  // namespace pollbus::voting_logger
