#pragma once

#include <sodium.h>

namespace pollbus {

// Initialises libsodium once; call it before anything that draws random numbers. It also picks the
// fastest implementations for this processor. Thread-safe.
// https://libsodium.gitbook.io/doc/usage
inline void prepare_libsodium() { [[maybe_unused]] static const int prepared = sodium_init(); }

}  // namespace pollbus
