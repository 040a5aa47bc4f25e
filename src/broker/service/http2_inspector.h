#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace pollbus::broker {

// Follows the frames of one HTTP/2 connection (RFC 9113, 4.1) and finds clients that try to exhaust
// the server in ways that gRPC does not limit. It looks at the headers of frames only. Not
// thread-safe.
class Http2Inspector {
 public:
  // One block of headers, in all its frames. The official clients send some 500 bytes.
  static constexpr std::size_t kMaxHeaderBlockBytes = 64 << 10;
  static constexpr int kMaxHeaderBlockFrames = 32;
  // Streams that the client resets: so many at once, and then so many per second.
  static constexpr int kMaxResets = 1'000;
  static constexpr int kMaxResetsPerSecond = 100;
  // Pings, which the server must answer, and other frames that cost it something but carry nothing:
  // settings, priorities, DATA frames without data (except one for each call, to end it), frames of
  // unknown types. A client that measures its bandwidth sends at most one ping per round trip.
  static constexpr int kMaxControlFrames = 10'000;
  static constexpr int kMaxControlFramesPerSecond = 10'000;
  // Window updates: so many at once, and then so many per second, which is enough to receive 400 MB
  // per second with two updates for 16 KiB. Each frame of a call, whose answer the client reports
  // to the connection and to the stream, allows further ones: gRPC C++ sends 1.1 for each call.
  static constexpr int kMaxWindowUpdates = 50'000;
  static constexpr int kMaxWindowUpdatesPerSecond = 50'000;
  static constexpr int kWindowUpdatesPerCallFrame = 2;
  // Streams that a client opens before it has acknowledged the server's settings, and with them the
  // limit of concurrent streams.
  static constexpr int kMaxStreamsBeforeSettings = 1'000;

  // Looks at the next bytes that the client has sent. Returns nullptr, or the reason why the
  // connection must be closed.
  const char* inspect(std::string_view bytes, SteadyTime now);

 private:
  const char* begin_frame(SteadyTime now);
  const char* add_to_header_block(std::size_t bytes);

  // So many at once, and then so many per second.
  class Allowance {
   public:
    Allowance(int most, int per_second) : most_(most), per_second_(per_second), left_(most) {}
    bool take(SteadyTime now);
    void give(int count) { left_ = std::min(most_, left_ + count); }

   private:
    const double most_;
    const double per_second_;
    double left_;
    SteadyTime counted_at_;
  };

  static constexpr std::size_t kPrefaceBytes = 24;
  static constexpr std::size_t kFrameHeaderBytes = 9;

  std::size_t left_to_skip_ = kPrefaceBytes;  // of the preface or of a frame's payload
  std::array<unsigned char, kFrameHeaderBytes> header_{};
  std::size_t header_bytes_ = 0;  // that have come of the next frame's header
  std::size_t block_bytes_ = 0;
  int block_frames_ = 0;
  bool has_acked_settings_ = false;
  int streams_before_settings_ = 0;
  Allowance resets_{kMaxResets, kMaxResetsPerSecond};
  Allowance control_frames_{kMaxControlFrames, kMaxControlFramesPerSecond};
  Allowance window_updates_{kMaxWindowUpdates, kMaxWindowUpdatesPerSecond};
};

}  // namespace pollbus::broker
