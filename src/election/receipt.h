#pragma once

#include <cstdint>
#include <string_view>

#include "election/hash.h"
#include "election/vote.h"

namespace pollbus {

// What the ballot box keeps about a stored vote, so that it stores the vote once: the first 128
// bits of SHA-256 over the text of docs/wire-format.md. Neither hash has a key, so anyone who knows
// a vote's UUID can compute its receipt. The case of the UUID's letters does not matter.
// Pure functions; thread-safe.
Hash128 receipt(std::int64_t election, std::string_view uuid);

// Stands beside the receipt and tells a repeated vote from a different vote with the same UUID. It
// reveals the choice to a reader who knows the UUID, and to nobody else: a UUID is random.
Hash128 content_hash(const AnonymousVote& vote);

}  // namespace pollbus
