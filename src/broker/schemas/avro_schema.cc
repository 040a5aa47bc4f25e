#include "broker/schemas/avro_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

using Json = nlohmann::json;
using Kind = AvroType::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 8> kPrimitives{{{"null", Kind::kNull},
                                                                        {"boolean", Kind::kBoolean},
                                                                        {"int", Kind::kInt},
                                                                        {"long", Kind::kLong},
                                                                        {"float", Kind::kFloat},
                                                                        {"double", Kind::kDouble},
                                                                        {"bytes", Kind::kBytes},
                                                                        {"string", Kind::kString}}};
// More than any message has.
constexpr std::int64_t kMaxFixedBytes = 10'000'000;

absl::Status wrong(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("Could not parse schema definition: {}.", what));
}

bool is_word(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool is_full_name(std::string_view name) {
  while (true) {
    const std::size_t dot = name.find('.');
    if (!is_word(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// A definition of 300,000 bytes must not become a tree that is too deep for what follows.
bool is_too_deep(std::string_view json) {
  int depth = 0;
  bool is_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (is_text && c == '\\') ++i;
    if (c == '"') is_text = !is_text;
    if (is_text) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > 2 * kMaxSchemaDepth) return true;
  }
  return false;
}

}  // namespace

class AvroSchema::Parser {
 public:
  explicit Parser(AvroSchema* schema) : schema_(*schema) {}

  absl::StatusOr<const AvroType*> parse(const Json& json, const std::string& space, int depth = 0) {
    if (depth > kMaxSchemaDepth) return wrong("it is nested too deeply");
    if (json.is_string()) return named(json.get<std::string>(), space);
    if (json.is_array()) return parse_union(json, space, depth);
    if (!json.is_object()) return wrong("a type must be a name, an object or a list");
    const auto type = json.find("type");
    if (type == json.end()) return wrong("an object has no \"type\"");
    if (!type->is_string()) return parse(*type, space, depth + 1);
    const auto& word = type->get_ref<const std::string&>();
    if (word == "record" || word == "error") return parse_record(json, space, depth);
    if (word == "enum") return parse_enum(json, space);
    if (word == "fixed") return parse_fixed(json, space);
    if (word == "array") return parse_container(Kind::kArray, json, "items", space, depth);
    if (word == "map") return parse_container(Kind::kMap, json, "values", space, depth);
    return named(word, space);
  }

 private:
  AvroType* add(Kind kind, std::string name) {
    auto& added = schema_.types_.emplace_back(std::make_unique<AvroType>());
    added->kind = kind;
    added->name = std::move(name);
    return added.get();
  }

  absl::StatusOr<const AvroType*> named(const std::string& name, const std::string& space) {
    for (const auto& [word, kind] : kPrimitives) {
      if (word != name) continue;
      const AvroType*& primitive = known_[name];
      if (primitive == nullptr) primitive = add(kind, name);
      return primitive;
    }
    const bool is_full = name.find('.') != std::string::npos;
    const auto found = known_.find(is_full || space.empty() ? name : space + "." + name);
    if (found == known_.end()) return wrong(fmt::format("the type \"{}\" is unknown", name));
    return found->second;
  }

  // Adds a type with a name, and sets `space` to the namespace of the names in it.
  absl::StatusOr<AvroType*> define(Kind kind, const Json& json, std::string* space) {
    std::string name = text_of(json, "name");
    if (name.find('.') == std::string::npos) {
      if (json.contains("namespace")) *space = text_of(json, "namespace");
      if (!space->empty()) name = *space + "." + name;
    } else {
      *space = name.substr(0, name.rfind('.'));
    }
    if (!is_full_name(name)) return wrong(fmt::format("\"{}\" is not a name", name));
    const bool is_primitive = std::ranges::any_of(
        kPrimitives, [&](const auto& primitive) { return primitive.first == name; });
    if (is_primitive || known_.contains(name)) {
      return wrong(fmt::format("\"{}\" is defined twice", name));
    }
    AvroType* const added = add(kind, name);
    known_[name] = added;
    return added;
  }

  absl::StatusOr<const AvroType*> parse_record(const Json& json, std::string space, int depth) {
    ASSIGN_OR_RETURN(AvroType * record, define(Kind::kRecord, json, &space));
    const auto fields = json.find("fields");
    if (fields == json.end() || !fields->is_array()) return wrong("a record has no \"fields\"");
    for (const Json& field : *fields) {
      if (!field.is_object() || !field.contains("type")) return wrong("a field has no \"type\"");
      const std::string name = text_of(field, "name");
      if (!is_word(name)) return wrong(fmt::format("\"{}\" is not the name of a field", name));
      if (!record->positions.emplace(name, record->names.size()).second) {
        return wrong(fmt::format("the field \"{}\" is defined twice", name));
      }
      record->names.push_back(name);
      ASSIGN_OR_RETURN(const AvroType* type, parse(field["type"], space, depth + 1));
      record->parts.push_back(type);
    }
    return record;
  }

  absl::StatusOr<const AvroType*> parse_enum(const Json& json, std::string space) {
    ASSIGN_OR_RETURN(AvroType * type, define(Kind::kEnum, json, &space));
    const auto symbols = json.find("symbols");
    if (symbols == json.end() || !symbols->is_array() || symbols->empty()) {
      return wrong("an enum has no \"symbols\"");
    }
    for (const Json& symbol : *symbols) {
      const std::string name = symbol.is_string() ? symbol.get<std::string>() : "";
      if (!is_word(name) || !type->positions.emplace(name, type->names.size()).second) {
        return wrong("a symbol of an enum is not a name, or is there twice");
      }
      type->names.push_back(name);
    }
    return type;
  }

  absl::StatusOr<const AvroType*> parse_fixed(const Json& json, std::string space) {
    ASSIGN_OR_RETURN(AvroType * type, define(Kind::kFixed, json, &space));
    const auto size = json.find("size");
    if (size == json.end() || !size->is_number_unsigned() ||
        size->get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxFixedBytes)) {
      return wrong(fmt::format("the \"size\" of a fixed must be 0 to {}", kMaxFixedBytes));
    }
    type->size = size->get<std::size_t>();
    return type;
  }

  absl::StatusOr<const AvroType*> parse_container(Kind kind, const Json& json, const char* key,
                                                  const std::string& space, int depth) {
    if (!json.contains(key)) return wrong(fmt::format("there is no \"{}\"", key));
    ASSIGN_OR_RETURN(const AvroType* part, parse(json[key], space, depth + 1));
    AvroType* const type = add(kind, kind == Kind::kArray ? "array" : "map");
    type->parts.push_back(part);
    return type;
  }

  absl::StatusOr<const AvroType*> parse_union(const Json& json, const std::string& space,
                                              int depth) {
    std::vector<const AvroType*> branches;
    std::map<std::string, std::size_t, std::less<>> positions;
    for (const Json& branch : json) {
      ASSIGN_OR_RETURN(const AvroType* type, parse(branch, space, depth + 1));
      if (type->kind == Kind::kUnion) return wrong("a union contains a union");
      if (!positions.emplace(type->name, branches.size()).second) {
        return wrong(fmt::format("a union contains \"{}\" twice", type->name));
      }
      branches.push_back(type);
    }
    if (branches.empty()) return wrong("a union is empty");
    AvroType* const type = add(Kind::kUnion, "union");
    type->parts = std::move(branches);
    type->positions = std::move(positions);
    return type;
  }

  AvroSchema& schema_;
  absl::flat_hash_map<std::string, const AvroType*> known_;
};

absl::StatusOr<std::shared_ptr<const MessageSchema>> AvroSchema::parse(
    const std::string& definition) {
  if (is_too_deep(definition)) return wrong("it is nested too deeply");
  // A definition may also be the bare name of a type.
  Json json = Json::parse(definition, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return wrong("it is not valid JSON");
  auto schema = std::make_shared<AvroSchema>();
  ASSIGN_OR_RETURN(schema->root_, Parser(schema.get()).parse(json, ""));
  return schema;
}

absl::Status AvroSchema::check(std::string_view data, google::pubsub::v1::Encoding encoding) const {
  const char* const problem = encoding == google::pubsub::v1::JSON
                                  ? find_problem_in_avro_json(*root_, data)
                                  : find_problem_in_avro_binary(*root_, data);
  return problem == nullptr ? absl::OkStatus() : absl::InvalidArgumentError(problem);
}

}  // namespace pollbus::broker
