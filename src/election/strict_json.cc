#include "election/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "election/vote.h"

namespace pollbus {
namespace {

using nlohmann::json;

// Where the parser is: one level for each object or array that is open.
class Path {
 public:
  std::size_t depth() const { return levels_.size(); }
  void open(bool is_array) { levels_.push_back({.is_array = is_array}); }
  void close() {
    levels_.pop_back();
    value_ends();
  }
  void value_ends() {
    if (!levels_.empty() && levels_.back().is_array) ++levels_.back().index;
  }
  // Returns false if the object has had this name before.
  bool enter(const std::string& name) {
    levels_.back().name = name;
    return levels_.back().names.insert(name).second;
  }
  std::string text() const {
    std::string place;
    for (const Level& level : levels_) {
      place = member_place(place, level.is_array ? std::to_string(level.index) : level.name);
    }
    return place;
  }

 private:
  struct Level {
    bool is_array = false;
    std::size_t index = 0;
    std::string name;
    std::set<std::string> names;
  };
  std::vector<Level> levels_;
};

std::string_view problem_with_number(const json& value) {
  if (value.is_number_float()) return "must be an integer";
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMaxId)
                        : value.get<std::int64_t>() >= -kMaxId;
  return fits ? "" : "must be between -(2^53-1) and 2^53-1";
}

// Watches the parser: https://json.nlohmann.me/features/parsing/parser_callbacks/
class Watch {
 public:
  bool operator()(json::parse_event_t event, const json& value) {
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        return opens(event == json::parse_event_t::array_start);
      case json::parse_event_t::object_end:
      case json::parse_event_t::array_end:
        path_.close();
        return true;
      case json::parse_event_t::key:
        if (!path_.enter(value.get<std::string>())) add("is given more than once");
        return true;
      case json::parse_event_t::value:
        if (value.is_number()) {
          if (const auto problem = problem_with_number(value); !problem.empty()) add(problem);
        }
        path_.value_ends();
        return true;
    }
    return true;
  }

  std::vector<Problem> problems;

 private:
  // Deeper levels are not kept, but still parsed.
  bool opens(bool is_array) {
    if (path_.depth() == kMaxJsonDepth) add("is nested too deeply");
    path_.open(is_array);
    return path_.depth() <= kMaxJsonDepth;
  }
  void add(std::string_view what) {
    if (problems.size() < kMaxProblems) problems.push_back({path_.text(), std::string(what)});
  }

  static constexpr std::size_t kMaxProblems = 100;
  Path path_;
};

std::string line_and_column(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t start = before.rfind('\n');
  const auto column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return fmt::format("is not JSON: error at line {}, column {}", line, column);
}

// Compares as RFC 8785 §3.2.3 demands: by UTF-16 code units. They differ from the order of UTF-8
// bytes only in that surrogates (of characters with four bytes) come before U+E000 to U+FFFF.
bool utf16_less(const std::string& a, const std::string& b) {
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  if (in_a == a.end() || in_b == b.end()) return in_a == a.end() && in_b != b.end();
  const auto x = static_cast<unsigned char>(*in_a);
  const auto y = static_cast<unsigned char>(*in_b);
  const bool x_has_surrogates = x >= 0xf0;
  const bool y_has_surrogates = y >= 0xf0;
  if (x_has_surrogates != y_has_surrogates && x >= 0xee && y >= 0xee) return x_has_surrogates;
  return x < y;
}

void append_canonical(const json& value, std::string& text);

void append_object(const json& object, std::string& text) {
  std::vector<json::const_iterator> members;
  for (auto member = object.begin(); member != object.end(); ++member) members.push_back(member);
  std::ranges::sort(members, utf16_less, [](const auto& member) { return member.key(); });
  text += '{';
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i > 0) text += ',';
    append_canonical(json(members[i].key()), text);
    text += ':';
    append_canonical(*members[i], text);
  }
  text += '}';
}

void append_array(const json& array, std::string& text) {
  text += '[';
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i > 0) text += ',';
    append_canonical(array[i], text);
  }
  text += ']';
}

void append_canonical(const json& value, std::string& text) {
  if (value.is_object()) {
    append_object(value, text);
  } else if (value.is_array()) {
    append_array(value, text);
  } else {
    // The library writes strings and integers as RFC 8785 does.
    text += value.dump(-1, ' ', /*ensure_ascii=*/false);
  }
}

}  // namespace

StrictJson parse_strict_json(std::string_view text) {
  StrictJson document;
  // The parser stops at a NUL, so anything after it would be ignored.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    document.problems.push_back({"", line_and_column(text, nul + 1)});
    return document;
  }
  Watch watch;
  try {
    document.value = json::parse(
        text, [&](int, json::parse_event_t event, json& value) { return watch(event, value); });
  } catch (const json::parse_error& error) {
    document.value = nullptr;
    document.problems.push_back({"", line_and_column(text, error.byte)});
    return document;
  } catch (const json::exception&) {  // a number that no integer or double can hold
    document.value = nullptr;
    document.problems.push_back({"", "has a number that is out of range"});
    return document;
  }
  document.problems = std::move(watch.problems);
  return document;
}

std::string to_canonical(const nlohmann::json& value) {
  std::string text;
  append_canonical(value, text);
  return text;
}

std::string member_place(std::string_view parent, std::string_view name) {
  std::string place(parent);
  place += '/';
  for (const char c : name) {
    if (c == '~') {
      place += "~0";
    } else if (c == '/') {
      place += "~1";
    } else {
      place += c;
    }
  }
  return place;
}

}  // namespace pollbus
