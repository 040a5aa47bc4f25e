#include "faults/checker/pseudonym.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <string>

namespace pollbus::faults {

KeyedHash pseudonym(const HashKey& key, std::int64_t election, std::int64_t voter) {
  static_assert(HashKey::kBytes == crypto_auth_hmacsha256_KEYBYTES);
  const std::string text = fmt::format("voter {} {}", election, voter);
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256(mac.data(), reinterpret_cast<const unsigned char*>(text.data()),
                         text.size(), key.bytes().data());
  KeyedHash hash{};
  std::ranges::copy_n(mac.begin(), hash.size(), hash.begin());
  return hash;
}

}  // namespace pollbus::faults
