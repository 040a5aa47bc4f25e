#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "election/election_state.h"
#include "election/office_messages.h"
#include "stores/election_register.h"

// Decides about rolls and their chunks. Pure functions.
namespace pollbus::voting_logger {

// Larger rolls are refused.
inline constexpr std::int64_t kMaxRollVoters = 100'000'000;

// The numbers of the chunks that have not arrived: the first kMaxMissingChunks.
std::vector<std::int64_t> missing_chunks(const StagedRoll& staged, std::int64_t chunks);

// Why the chunk cannot belong to a roll of this election (a sentence), or nothing.
std::optional<std::string> problem_with_chunk(const Definition& definition,
                                              const wire::RollChunk& chunk);

// Why the complete staged roll is not the one that the office signed, or nothing.
std::optional<std::string> problem_with_roll(const Definition& definition, const RollSummary& roll,
                                             const StagedRoll& staged);

// Why the voter cannot be added to the roll, or nothing.
std::optional<std::string> problem_with_new_voter(const ElectionState& state,
                                                  const RollEntry& voter);

}  // namespace pollbus::voting_logger
