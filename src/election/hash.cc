#include "election/hash.h"

#include "election/hex.h"

namespace pollbus {

std::string to_hex(const Hash128& hash) { return hex_of(hash); }

}  // namespace pollbus
