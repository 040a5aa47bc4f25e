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

// Writes varint_bytes(value) bytes and returns their end.
inline char* write_varint(std::uint64_t value, char* out) {
  return reinterpret_cast<char*>(google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(
      value, reinterpret_cast<std::uint8_t*>(out)));
}

inline void append_varint(std::uint64_t value, std::string* out) {
  char bytes[kMaxVarintBytes];
  out->append(bytes, write_varint(value, bytes));
}

}  // namespace pollbus
