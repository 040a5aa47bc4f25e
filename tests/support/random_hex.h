#pragma once

#include <cstddef>
#include <string>

namespace pollbus::testing {

// Returns random bytes as hexadecimal digits, two for each byte: keys and passwords that a test can
// search for in places where they must not be. Thread-safe.
std::string random_hex(std::size_t bytes);

}  // namespace pollbus::testing
