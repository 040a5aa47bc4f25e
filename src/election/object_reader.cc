#include "election/object_reader.h"

#include <fmt/format.h>

#include <charconv>

namespace pollbus {
namespace {

const nlohmann::json kNothing;

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

ObjectReader::ObjectReader(const nlohmann::json& object) : object_(object) {
  if (!object.is_object()) status_ = absl::InvalidArgumentError("must be a JSON object");
}

bool ObjectReader::has(std::string_view name) const {
  return object_.is_object() && object_.contains(name);
}

const nlohmann::json* ObjectReader::find(std::string_view name) {
  if (!ok()) return nullptr;
  if (const auto found = object_.find(name); found != object_.end()) return &*found;
  fail(name, "is missing");
  return nullptr;
}

std::int64_t ObjectReader::integer(std::string_view name, std::int64_t most) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return 0;
  if (value->is_number_unsigned() &&
      value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)) {
    return value->get<std::int64_t>();
  }
  fail(name, fmt::format("must be an integer from 0 to {}", most));
  return 0;
}

std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view name,
                                                           std::int64_t most) {
  if (!has(name)) return std::nullopt;
  const std::int64_t value = integer(name, most);
  if (!ok()) return std::nullopt;
  return value;
}

bool ObjectReader::boolean(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  fail(name, "must be true or false");
  return false;
}

std::string ObjectReader::text(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  fail(name, "must be a text");
  return "";
}

std::string ObjectReader::optional_text(std::string_view name) {
  return has(name) ? text(name) : "";
}

Sha256 ObjectReader::hash(std::string_view name) {
  const std::string hex = text(name);
  if (const auto hash = parse_sha256(hex)) return *hash;
  fail(name, "must be a SHA-256 as 64 lower-case hexadecimal digits");
  return {};
}

std::uint64_t ObjectReader::hex64(std::string_view name) {
  const std::string hex = text(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  if (hex.size() == 16 && error == std::errc() && end == hex.data() + hex.size() &&
      std::ranges::all_of(hex, is_hex_digit)) {
    return value;
  }
  fail(name, "must be 16 lower-case hexadecimal digits");
  return 0;
}

const nlohmann::json& ObjectReader::array(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value != nullptr && value->is_array()) return *value;
  fail(name, "must be a list");
  return kNothing;
}

const nlohmann::json& ObjectReader::object(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value != nullptr && value->is_object()) return *value;
  fail(name, "must be an object");
  return kNothing;
}

void ObjectReader::fail(std::string_view name, std::string_view what) {
  if (ok()) status_ = absl::InvalidArgumentError(fmt::format("{} {}", name, what));
}

void ObjectReader::include(std::string_view name, const ObjectReader& inner) {
  if (!inner.ok()) fail(name, fmt::format("is wrong: {}", std::string(inner.status().message())));
}

std::string hex64_text(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace pollbus
