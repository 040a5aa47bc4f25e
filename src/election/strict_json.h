#pragma once

// Inside src/election only.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "election/definition.h"

namespace pollbus {

inline constexpr std::size_t kMaxJsonDepth = 32;

// A JSON document of which two readers cannot understand different things: no duplicate names, only
// integers between -(2^53-1) and 2^53-1, at most kMaxJsonDepth levels. `problems` has every breach
// with its place; if the text is not JSON at all, its only problem says where it breaks.
struct StrictJson {
  nlohmann::json value;
  std::vector<Problem> problems;
};
StrictJson parse_strict_json(std::string_view text);

// RFC 8785 of a value that parse_strict_json() accepts.
std::string to_canonical(const nlohmann::json& value);

// The place of a member below `parent` (RFC 6901).
std::string member_place(std::string_view parent, std::string_view name);

}  // namespace pollbus
