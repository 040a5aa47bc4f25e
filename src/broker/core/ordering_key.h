#pragma once

#include <cstdint>
#include <string_view>

#include "broker/core/message.h"

namespace pollbus::broker {

// The hash of an ordering key by which its messages are kept in order: FNV-1a, which is the same in
// every life of the broker, because it is stored. 0 for no key, and only for that.
inline OrderingKey ordering_key(std::string_view text) {
  if (text.empty()) return 0;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash == 0 ? 1 : hash;
}

}  // namespace pollbus::broker
