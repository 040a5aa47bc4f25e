#include "election/hash.h"

#include <sodium.h>

namespace pollbus {

std::string to_hex(const Hash128& hash) {
  std::string hex(2 * hash.size() + 1, '\0');  // with the NUL that sodium_bin2hex writes
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

}  // namespace pollbus
