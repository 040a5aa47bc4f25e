#include "broker/rest/path_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace pollbus::broker {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> segments;
  while (true) {
    const std::size_t slash = text.find('/');
    segments.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

class PathTemplate::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), left_(text) {}

  absl::StatusOr<PathTemplate> parse() {
    if (!take('/') || !parse_segments()) return wrong();
    if (take(':')) {
      parsed_.verb_ = left_;
      left_ = {};
    }
    const auto many = std::ranges::count(parsed_.segments_, Kind::kMany, &Segment::kind);
    if (!left_.empty() || many > 1) return wrong();
    return std::move(parsed_);
  }

 private:
  absl::Status wrong() const {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is not a path template", text_));
  }

  bool take(char c) {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }

  bool parse_segments() {
    do {
      if (!(left_.starts_with('{') ? parse_variable() : parse_segment())) return false;
    } while (take('/'));
    return true;
  }

  bool parse_segment() {
    const std::size_t end = std::min(left_.find_first_of("/{}:="), left_.size());
    const std::string_view word = left_.substr(0, end);
    left_.remove_prefix(end);
    if (word.empty()) return false;
    if (word == "*" || word == "**") {
      parsed_.segments_.push_back({word == "*" ? Kind::kOne : Kind::kMany, ""});
    } else {
      parsed_.segments_.push_back({Kind::kLiteral, std::string(word)});
    }
    return true;
  }

  // {field} means {field=*}.
  bool parse_variable() {
    take('{');
    const std::size_t end = left_.find_first_of("=}");
    if (end == std::string_view::npos || end == 0) return false;
    Variable variable{.field = std::string(left_.substr(0, end)),
                      .first = parsed_.segments_.size()};
    left_.remove_prefix(end);
    if (take('=')) {
      do {
        if (!parse_segment()) return false;
      } while (take('/'));
    } else {
      parsed_.segments_.push_back({Kind::kOne, ""});
    }
    variable.count = parsed_.segments_.size() - variable.first;
    parsed_.variables_.push_back(std::move(variable));
    return take('}');
  }

  const std::string_view text_;
  std::string_view left_;
  PathTemplate parsed_;
};

absl::StatusOr<PathTemplate> PathTemplate::parse(std::string_view text) {
  return Parser(text).parse();
}

std::optional<std::vector<PathTemplate::Binding>> PathTemplate::match(std::string_view path) const {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  // The verb follows the last ':' of the last segment. A name has no ':' there.
  const std::size_t colon = path.rfind(':');
  const bool has_verb = colon != std::string_view::npos && colon > path.rfind('/');
  if (has_verb != !verb_.empty()) return std::nullopt;
  if (has_verb) {
    if (path.substr(colon + 1) != verb_) return std::nullopt;
    path = path.substr(0, colon);
  }
  const std::vector<std::string_view> found = split(path);
  const bool has_many =
      std::ranges::find(segments_, Kind::kMany, &Segment::kind) != segments_.end();
  if (has_many ? found.size() + 1 < segments_.size() : found.size() != segments_.size()) {
    return std::nullopt;
  }
  // How many segments "**" takes.
  const std::size_t taken = found.size() + 1 - segments_.size();
  std::vector<std::size_t> starts;  // where each segment of the template begins in `found`
  std::size_t at = 0;
  for (const Segment& segment : segments_) {
    starts.push_back(at);
    if (segment.kind == Kind::kMany) {
      at += taken;
      continue;
    }
    const bool matches =
        segment.kind == Kind::kLiteral ? found[at] == segment.literal : !found[at].empty();
    if (!matches) return std::nullopt;
    ++at;
  }
  starts.push_back(at);
  std::vector<Binding> bindings;
  for (const Variable& variable : variables_) {
    std::string value;
    const bool is_single = variable.count == 1 && segments_[variable.first].kind != Kind::kMany;
    for (std::size_t i = starts[variable.first]; i < starts[variable.first + variable.count]; ++i) {
      const auto decoded = decode_percent(found[i], !is_single);
      if (!decoded) return std::nullopt;
      if (i > starts[variable.first]) value += '/';
      value += *decoded;
    }
    bindings.push_back({variable.field, std::move(value)});
  }
  return bindings;
}

std::optional<std::string> decode_percent(std::string_view text, bool keeps_slashes) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) return std::nullopt;
    if (keeps_slashes && byte == '/') {
      decoded += text.substr(i, 3);
    } else {
      decoded += static_cast<char>(byte);
    }
    i += 2;
  }
  return decoded;
}

}  // namespace pollbus::broker
