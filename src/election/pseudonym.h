#pragma once

// Built with failpoints only.

#include <cstdint>

#include "election/keyed_hash.h"

namespace pollbus {

// Stands for a voter in what tests write down beside a choice: a keyed hash, whose key is drawn for
// one run and not kept.
KeyedHash pseudonym(const HashKey& key, std::int64_t election, std::int64_t voter);

}  // namespace pollbus
