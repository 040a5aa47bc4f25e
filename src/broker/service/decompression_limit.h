#pragma once

#include <cstddef>

namespace pollbus::broker {

// Bounds what zlib decompresses in this process, from any stream: more than about `most` bytes is
// an error. gRPC decompresses whole requests before it applies its own limit, and a compressed
// request can become a thousand times as large.
void limit_decompression(std::size_t most);

}  // namespace pollbus::broker
