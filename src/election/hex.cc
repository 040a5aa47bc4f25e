#include "election/hex.h"

#include <sodium.h>

namespace pollbus {

std::string hex_of(std::span<const unsigned char> bytes) {
  std::string hex(2 * bytes.size() + 1, '\0');  // with the NUL that sodium_bin2hex writes
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  hex.pop_back();
  return hex;
}

}  // namespace pollbus
