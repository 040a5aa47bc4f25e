#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pollbus::broker {

// A path of the google.api.http annotation, like "/v1/{topic=projects/*/topics/*}:publish"; its
// grammar is in google/api/http.proto. Immutable.
class PathTemplate {
 public:
  // The value of a variable, decoded. `field` is the path of a field, like "topic.name".
  struct Binding {
    std::string field;
    std::string value;
  };

  // INVALID_ARGUMENT when `text` does not follow the grammar.
  static absl::StatusOr<PathTemplate> parse(std::string_view text);

  // Matches the path of a URL, without its query. std::nullopt when it does not match or is not
  // validly encoded. In a variable with several segments, "%2F" is kept, so that it cannot become a
  // separator.
  std::optional<std::vector<Binding>> match(std::string_view path) const;

 private:
  enum class Kind { kLiteral, kOne, kMany };  // kMany, "**", matches any number of segments
  struct Segment {
    Kind kind = Kind::kLiteral;
    std::string literal;
  };
  // A variable takes `count` segments of the template from `first` on.
  struct Variable {
    std::string field;
    std::size_t first = 0;
    std::size_t count = 0;
  };
  class Parser;

  std::vector<Segment> segments_;
  std::vector<Variable> variables_;
  std::string verb_;
};

// Decodes percent-encoding. With `keeps_slashes`, "%2F" stays as it is. std::nullopt when a '%' is
// not followed by two hexadecimal digits.
std::optional<std::string> decode_percent(std::string_view text, bool keeps_slashes);

}  // namespace pollbus::broker
