#pragma once

#include <cstdint>
#include <string_view>

#include "broker/core/message.h"

namespace pollbus::broker {

// Returns the FNV-1a hash of an ordering key; 0 only for the empty key. The hash is stored, so it
// must never change.
inline OrderingKey ordering_key(std::string_view text) {
  if (text.empty()) return 0;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash == 0 ? 1 : hash;
}

}  // namespace pollbus::broker
