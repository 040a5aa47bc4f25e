#include "broker/service/decompression_limit.h"

#include <dlfcn.h>
#include <zlib.h>

#include <atomic>
#include <limits>

namespace pollbus::broker {
namespace {

std::atomic<std::size_t> most_bytes{std::numeric_limits<std::size_t>::max()};

}  // namespace

void limit_decompression(std::size_t most) { most_bytes = most; }

}  // namespace pollbus::broker

// Takes the place of zlib's inflate() in this process, also for libraries, and calls the real one.
// gRPC has no hook that could stop it from decompressing a request.
extern "C" int inflate(z_stream* stream, int flush) {
  using Inflate = int (*)(z_stream*, int);
  static const auto next = reinterpret_cast<Inflate>(::dlsym(RTLD_NEXT, "inflate"));
  if (stream->total_out > pollbus::broker::most_bytes) return Z_DATA_ERROR;
  return next(stream, flush);
}
