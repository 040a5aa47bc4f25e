#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace pollbus {

// Numbers as protocol buffers write them: https://protobuf.dev/programming-guides/encoding/#varints
inline constexpr std::size_t kMaxVarintBytes = 10;

inline std::size_t varint_bytes(std::uint64_t value) {
  return google::protobuf::io::CodedOutputStream::VarintSize64(value);
}

inline void append_varint(std::uint64_t value, std::string* out) {
  std::uint8_t bytes[kMaxVarintBytes];
  const std::uint8_t* const end =
      google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
}

}  // namespace pollbus
