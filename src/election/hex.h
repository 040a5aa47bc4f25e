#pragma once

#include <span>
#include <string>

namespace pollbus {

// Two lower-case hexadecimal digits for each byte. Takes a time that does not depend on the bytes.
std::string hex_of(std::span<const unsigned char> bytes);

}  // namespace pollbus
