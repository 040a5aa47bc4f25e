// Messages in the binary encoding of Avro.

#include <cstdint>
#include <limits>

#include "broker/core/utf8.h"
#include "broker/schemas/avro_schema.h"

namespace pollbus::broker {
namespace {

using Kind = AvroType::Kind;

// Values that take no bytes, such as null, can be many: a list says only how many. A message may
// have this many values, and this many for each of its bytes.
constexpr std::int64_t kFreeValues = 10'000;
constexpr std::int64_t kMaxValuesPerByte = 10;

class Checker {
 public:
  explicit Checker(std::string_view data)
      : left_(data),
        max_values_(kFreeValues + kMaxValuesPerByte * static_cast<std::int64_t>(data.size())) {}

  const char* check_whole(const AvroType& type) {
    if (!check(type, 0)) return problem_;
    return left_.empty() ? nullptr : "bytes follow the value";
  }

 private:
  bool check(const AvroType& type, int depth) {
    if (depth > kMaxSchemaDepth) return fail("it is nested too deeply");
    if (++values_ > max_values_) return fail("it has too many values");
    switch (type.kind) {
      case Kind::kNull:
        return true;
      case Kind::kBoolean:
        return check_boolean();
      case Kind::kInt:
        return check_int();
      case Kind::kLong:
        return read_long(&ignored_);
      case Kind::kFloat:
        return skip(sizeof(float));
      case Kind::kDouble:
        return skip(sizeof(double));
      case Kind::kBytes:
        return check_bytes(/*is_text=*/false);
      case Kind::kString:
        return check_bytes(/*is_text=*/true);
      case Kind::kFixed:
        return skip(type.size);
      case Kind::kEnum:
        return check_index(type.names.size(), &ignored_);
      case Kind::kRecord:
        for (const AvroType* part : type.parts) {
          if (!check(*part, depth + 1)) return false;
        }
        return true;
      case Kind::kUnion: {
        std::int64_t branch = 0;
        return check_index(type.parts.size(), &branch) &&
               check(*type.parts[static_cast<std::size_t>(branch)], depth + 1);
      }
      case Kind::kArray:
      case Kind::kMap:
        return check_blocks(type, depth);
    }
    return false;
  }

  // Lists and maps are blocks of values, each with their number; 0 ends them. A negative number is
  // followed by the size of the block.
  bool check_blocks(const AvroType& type, int depth) {
    while (true) {
      std::int64_t count = 0;
      if (!read_long(&count)) return false;
      if (count == 0) return true;
      if (count < 0) {
        if (count < -max_values_) return fail("it has too many values");
        count = -count;
        if (!read_long(&ignored_)) return false;
      }
      for (; count > 0; --count) {
        if (type.kind == Kind::kMap && !check_bytes(/*is_text=*/true)) return false;
        if (!check(*type.parts.front(), depth + 1)) return false;
      }
    }
  }

  bool check_boolean() {
    if (left_.empty() || static_cast<unsigned char>(left_.front()) > 1) {
      return fail("a boolean is neither 0 nor 1");
    }
    return skip(1);
  }

  bool check_int() {
    std::int64_t value = 0;
    if (!read_long(&value)) return false;
    return (value >= std::numeric_limits<std::int32_t>::min() &&
            value <= std::numeric_limits<std::int32_t>::max()) ||
           fail("a number is out of range");
  }

  bool check_index(std::size_t count, std::int64_t* index) {
    if (!read_long(index)) return false;
    return (*index >= 0 && static_cast<std::uint64_t>(*index) < count) ||
           fail("a symbol or a branch is unknown");
  }

  bool check_bytes(bool is_text) {
    std::int64_t size = 0;
    if (!read_long(&size)) return false;
    if (size < 0) return fail("a size is negative");
    const std::string_view text = left_.substr(0, static_cast<std::size_t>(size));
    if (!skip(static_cast<std::uint64_t>(size))) return false;
    return !is_text || is_valid_utf8(text) || fail("text is not UTF-8");
  }

  // Numbers are zigzag-encoded varints.
  bool read_long(std::int64_t* value) {
    std::uint64_t bits = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (left_.empty()) return fail("it ends too early");
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      bits |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        *value = static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
        return true;
      }
    }
    return fail("a number is too long");
  }

  bool skip(std::uint64_t bytes) {
    if (bytes > left_.size()) return fail("it ends too early");
    left_.remove_prefix(bytes);
    return true;
  }

  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }

  std::string_view left_;
  const std::int64_t max_values_;
  std::int64_t values_ = 0;
  std::int64_t ignored_ = 0;
  const char* problem_ = nullptr;
};

}  // namespace

const char* find_problem_in_avro_binary(const AvroType& type, std::string_view data) {
  return Checker(data).check_whole(type);
}

}  // namespace pollbus::broker
