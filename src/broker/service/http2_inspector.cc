#include "broker/service/http2_inspector.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace pollbus::broker {
namespace {

// RFC 9113, 6.
enum FrameType : unsigned char {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kWindowUpdate = 8,
  kContinuation = 9,
};
constexpr unsigned char kAck = 1;  // a flag of settings

}  // namespace

const char* Http2Inspector::inspect(std::string_view bytes, SteadyTime now) {
  while (!bytes.empty()) {
    if (left_to_skip_ > 0) {
      const std::size_t skipped = std::min(left_to_skip_, bytes.size());
      left_to_skip_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    const std::size_t copied = std::min(kFrameHeaderBytes - header_bytes_, bytes.size());
    std::memcpy(header_.data() + header_bytes_, bytes.data(), copied);
    header_bytes_ += copied;
    bytes.remove_prefix(copied);
    if (header_bytes_ < kFrameHeaderBytes) return nullptr;
    header_bytes_ = 0;
    if (const char* const reason = begin_frame(now); reason != nullptr) return reason;
  }
  return nullptr;
}

const char* Http2Inspector::begin_frame(SteadyTime now) {
  const std::size_t payload_bytes =
      std::size_t{header_[0]} << 16 | std::size_t{header_[1]} << 8 | header_[2];
  left_to_skip_ = payload_bytes;
  switch (header_[3]) {
    case kHeaders:
      control_frames_.give(1);  // Most clients end a call with a DATA frame without data.
      window_updates_.give(kWindowUpdatesPerCallFrame);
      block_bytes_ = 0;
      block_frames_ = 0;
      if (!has_acked_settings_ && ++streams_before_settings_ > kMaxStreamsBeforeSettings) {
        return "too many streams before the settings were acknowledged";
      }
      return add_to_header_block(payload_bytes);
    case kContinuation:
      return add_to_header_block(payload_bytes);
    case kResetStream:
      return resets_.take(now) ? nullptr : "too many streams were reset";
    case kData:
      if (payload_bytes == 0) break;
      window_updates_.give(kWindowUpdatesPerCallFrame);
      return nullptr;
    case kSettings:
      if ((header_[4] & kAck) != 0) has_acked_settings_ = true;
      break;
    case kWindowUpdate:
      return window_updates_.take(now) ? nullptr : "too many window updates";
    default:
      break;
  }
  return control_frames_.take(now) ? nullptr : "too many pings or other frames without content";
}

const char* Http2Inspector::add_to_header_block(std::size_t bytes) {
  block_bytes_ += bytes;
  const bool is_small = block_bytes_ <= kMaxHeaderBlockBytes;
  return is_small && ++block_frames_ <= kMaxHeaderBlockFrames ? nullptr : "too many headers";
}

bool Http2Inspector::Allowance::take(SteadyTime now) {
  const std::chrono::duration<double> passed = now - counted_at_;
  counted_at_ = now;
  left_ = std::min(most_, left_ + passed.count() * per_second_) - 1;
  return left_ >= 0;
}

}  // namespace pollbus::broker
