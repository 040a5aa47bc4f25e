#include "election/canonical_json.h"

#include <fmt/format.h>

#include "election/strict_json.h"

namespace pollbus {

absl::StatusOr<std::string> canonical_json(std::string_view json) {
  const StrictJson document = parse_strict_json(json);
  if (document.problems.empty()) return to_canonical(document.value);
  const Problem& first = document.problems.front();
  return absl::InvalidArgumentError(
      fmt::format("{} {}", first.place.empty() ? "the text" : first.place, first.what));
}

}  // namespace pollbus
