#include "election/pseudonym.h"

#include <fmt/format.h>
#include <sodium.h>

#include <string>

namespace pollbus {

KeyedHash pseudonym(const HashKey& key, std::int64_t election, std::int64_t voter) {
  const std::string text = fmt::format("voter {} {}", election, voter);
  KeyedHash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), key.bytes().data(), key.bytes().size());
  return hash;
}

}  // namespace pollbus
