#include "broker/schemas/parsed_size.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "broker/schemas/message_schema.h"

namespace pollbus::broker {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

// What the parser allocates for a value in a list or in an unknown field, beside its bytes.
constexpr std::size_t kValueBytes = 64;
// For an entry of a map, beside the message that is its value.
constexpr std::size_t kMapEntryBytes = 192;
// A packed list has numbers of one byte that become numbers of eight.
constexpr std::size_t kMaxNumberBytes = 8;

// See https://protobuf.dev/programming-guides/encoding.
enum WireType : std::uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

class Scanner {
 public:
  Scanner(google::protobuf::io::ZeroCopyInputStream* message, const SizeOfType& size_of_type,
          std::size_t most)
      : input_(message), size_of_type_(size_of_type), left_(most) {}

  // Ends at the end of the message or group, where it is malformed, or when nothing is left.
  // `type` is nullptr for a message of which nothing is known. Returns whether to go on.
  bool scan(const Descriptor* type, int depth) {
    if (depth > kMaxSchemaDepth) return false;
    while (const std::uint32_t tag = input_.ReadTag()) {
      if ((tag & 7) == kEndGroup) return true;
      const auto* const field =
          type == nullptr ? nullptr : type->FindFieldByNumber(static_cast<int>(tag >> 3));
      if (!scan_value(tag & 7, field, depth)) return false;
    }
    return true;
  }

  bool is_exceeded() const { return is_exceeded_; }

 private:
  bool scan_value(std::uint32_t wire_type, const FieldDescriptor* field, int depth) {
    std::uint64_t ignored = 0;
    switch (wire_type) {
      case kVarint:
        return input_.ReadVarint64(&ignored) && take(kMaxNumberBytes * 2);
      case kFixed64:
        return input_.Skip(8) && take(kMaxNumberBytes * 2);
      case kFixed32:
        return input_.Skip(4) && take(kMaxNumberBytes * 2);
      case kBytes:
        return scan_bytes(field, depth);
      case kStartGroup:
        return take(size_of(message_of(field))) && scan(message_of(field), depth + 1);
      default:
        return false;
    }
  }

  bool scan_bytes(const FieldDescriptor* field, int depth) {
    std::uint32_t size = 0;
    if (!input_.ReadVarint32(&size)) return false;
    if (const Descriptor* const type = message_of(field); type != nullptr) {
      if (!take(size_of(type))) return false;
      const auto limit = input_.PushLimit(static_cast<int>(size));
      const bool goes_on = scan(type, depth + 1) && input_.BytesUntilLimit() == 0;
      input_.PopLimit(limit);
      return goes_on;
    }
    const bool is_packed = field != nullptr && field->is_packable();
    const std::size_t bytes = is_packed ? size * kMaxNumberBytes : kValueBytes + size;
    return take(bytes) && input_.Skip(static_cast<int>(size));
  }

  static const Descriptor* message_of(const FieldDescriptor* field) {
    return field == nullptr ? nullptr : field->message_type();
  }

  std::size_t size_of(const Descriptor* type) {
    if (type == nullptr) return kValueBytes;
    auto [found, is_new] = sizes_.try_emplace(type, 0);
    if (is_new) found->second = size_of_new(*type);
    return found->second;
  }

  std::size_t size_of_new(const Descriptor& type) {
    if (!type.options().map_entry()) return kValueBytes + size_of_type_(type);
    const Descriptor* const value = message_of(type.map_value());
    return kMapEntryBytes + (value == nullptr ? 0 : size_of_type_(*value));
  }

  bool take(std::size_t bytes) {
    is_exceeded_ = bytes > left_;
    if (!is_exceeded_) left_ -= bytes;
    return !is_exceeded_;
  }

  CodedInputStream input_;
  const SizeOfType& size_of_type_;
  std::size_t left_;
  bool is_exceeded_ = false;
  absl::flat_hash_map<const Descriptor*, std::size_t> sizes_;
};

}  // namespace

bool fits_when_parsed(google::protobuf::io::ZeroCopyInputStream* message, const Descriptor& type,
                      const SizeOfType& size_of_type, std::size_t most) {
  Scanner scanner(message, size_of_type, most);
  scanner.scan(&type, 0);
  return !scanner.is_exceeded();
}

}  // namespace pollbus::broker
