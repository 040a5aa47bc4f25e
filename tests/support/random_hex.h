#pragma once

#include <cstddef>
#include <string>

namespace pollbus::testing {

// Twice as many hexadecimal digits, drawn anew: keys and passwords that a test may look for in
// places where they must not be. Thread-safe.
std::string random_hex(std::size_t bytes);

}  // namespace pollbus::testing
