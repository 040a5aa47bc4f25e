#pragma once

#include <cstdio>
#include <cstdlib>

namespace pollbus::testing {

// What a fuzz target says holds: if it does not, the fuzzer has found something.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace pollbus::testing
