// Messages in the JSON encoding of Avro: each field of a record must be there and no other, and a
// value of a union is null or an object that names its type.

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "broker/core/utf8.h"
#include "broker/schemas/avro_schema.h"

namespace pollbus::broker {
namespace {

using Json = nlohmann::json;
using Kind = AvroType::Kind;

// Bytes are text whose characters are U+0000 to U+00FF. Returns their number, or -1.
std::int64_t count_bytes(const std::string& text) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i, ++count) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) continue;
    if (byte != 0xc2 && byte != 0xc3) return -1;
    ++i;
  }
  return count;
}

// Checks the message while it is parsed, so that it is never in memory as a whole tree. Each method
// returns false to stop the parser.
class Checker final : public nlohmann::json_sax<Json> {
 public:
  explicit Checker(const AvroType& root) : root_(root) {}

  const char* problem() const { return problem_; }

  bool null() override {
    const AvroType& type = expected();
    if (type.kind == Kind::kUnion && type.positions.contains("null")) return true;
    return check(type.kind == Kind::kNull, "null is not expected");
  }
  bool boolean(bool /*value*/) override {
    return check(expected().kind == Kind::kBoolean, "a boolean is not expected");
  }
  bool number_integer(number_integer_t value) override {
    return check_integer(value >= std::numeric_limits<std::int32_t>::min(), /*fits_long=*/true);
  }
  bool number_unsigned(number_unsigned_t value) override {
    return check_integer(value <= std::numeric_limits<std::int32_t>::max(),
                         value <= std::numeric_limits<std::int64_t>::max());
  }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    const Kind kind = expected().kind;
    return check(kind == Kind::kFloat || kind == Kind::kDouble, "a fraction is not expected");
  }
  bool string(string_t& value) override {
    const AvroType& type = expected();
    switch (type.kind) {
      case Kind::kString:
        return true;
      case Kind::kBytes:
        return check(count_bytes(value) >= 0, "bytes have a character above U+00FF");
      case Kind::kFixed:
        return check(count_bytes(value) == static_cast<std::int64_t>(type.size),
                     "a fixed value has another size");
      case Kind::kEnum:
        return check(type.positions.contains(value), "a symbol is unknown");
      default:
        return fail("a string is not expected");
    }
  }
  bool binary(binary_t& /*value*/) override { return fail("binary values are not expected"); }

  bool start_object(std::size_t /*size*/) override {
    const AvroType& type = expected();
    if (type.kind != Kind::kRecord && type.kind != Kind::kMap && type.kind != Kind::kUnion) {
      return fail("an object is not expected");
    }
    return enter(type);
  }
  bool key(string_t& name) override {
    Frame& frame = frames_.back();
    if (frame.type->kind == Kind::kMap) return true;
    const auto found = frame.type->positions.find(name);
    if (found == frame.type->positions.end()) return fail("a field or a type is unknown");
    if (frame.type->kind == Kind::kUnion && frame.count > 0) {
      return fail("a value of a union has two types");
    }
    if (frame.is_there[found->second]) return fail("a field is there twice");
    frame.is_there[found->second] = true;
    ++frame.count;
    frame.next = frame.type->parts[found->second];
    return true;
  }
  bool end_object() override {
    const Frame& frame = frames_.back();
    const bool is_whole =
        frame.type->kind == Kind::kMap ||
        frame.count == (frame.type->kind == Kind::kUnion ? 1 : frame.type->parts.size());
    frames_.pop_back();
    return check(is_whole, "a field is missing");
  }
  bool start_array(std::size_t /*size*/) override {
    const AvroType& type = expected();
    return type.kind == Kind::kArray ? enter(type) : fail("a list is not expected");
  }
  bool end_array() override {
    frames_.pop_back();
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*last*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return fail("it is not valid JSON");
  }

 private:
  // An object or a list that is open.
  struct Frame {
    const AvroType* type = nullptr;
    const AvroType* next = nullptr;  // the type of the next value
    std::vector<bool> is_there;      // the fields or branches
    std::size_t count = 0;           // of these
  };

  const AvroType& expected() const { return frames_.empty() ? root_ : *frames_.back().next; }

  bool enter(const AvroType& type) {
    if (frames_.size() >= kMaxSchemaDepth) return fail("it is nested too deeply");
    Frame& frame = frames_.emplace_back(Frame{.type = &type});
    if (type.kind == Kind::kArray || type.kind == Kind::kMap) {
      frame.next = type.parts.front();
    } else {
      frame.is_there.resize(type.parts.size());
    }
    return true;
  }

  bool check_integer(bool fits_int, bool fits_long) {
    switch (expected().kind) {
      case Kind::kInt:
        return check(fits_int, "a number is out of range");
      case Kind::kLong:
        return check(fits_long, "a number is out of range");
      case Kind::kFloat:
      case Kind::kDouble:
        return true;
      default:
        return fail("a number is not expected");
    }
  }

  bool check(bool holds, const char* problem) { return holds || fail(problem); }
  bool fail(const char* problem) {
    if (problem_ == nullptr) problem_ = problem;
    return false;
  }

  const AvroType& root_;
  std::vector<Frame> frames_;
  const char* problem_ = nullptr;
};

}  // namespace

const char* find_problem_in_avro_json(const AvroType& type, std::string_view data) {
  Checker checker(type);
  const bool is_valid = Json::sax_parse(data.begin(), data.end(), &checker);
  return is_valid || checker.problem() != nullptr ? checker.problem() : "it is not valid JSON";
}

}  // namespace pollbus::broker
