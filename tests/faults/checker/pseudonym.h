#pragma once

#include <cstdint>

#include "election/keyed_hash.h"

namespace pollbus::faults {

// Stands for a voter in evidence that also contains the choice: the first 16 bytes of HMAC-SHA-256
// over "voter <election> <voter>". The key is drawn for one run and not kept.
KeyedHash pseudonym(const HashKey& key, std::int64_t election, std::int64_t voter);

}  // namespace pollbus::faults
