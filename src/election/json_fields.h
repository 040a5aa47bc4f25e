#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pollbus::wire {

// The characters that JSON texts are written with as they are: printable ASCII but " and \.
inline constexpr std::array<bool, 256> kIsPlain = [] {
  std::array<bool, 256> is_plain{};
  for (std::size_t c = ' '; c <= '~'; ++c) is_plain[c] = c != '"' && c != '\\';
  return is_plain;
}();
inline bool is_plain(char c) { return kIsPlain[static_cast<unsigned char>(c)]; }

// Larger messages are not read at all, not even to find the sender.
inline constexpr std::size_t kMaxParsedBytes = 1024 * 1024;

// A field that a message may have, and the value that was found.
struct Field {
  std::string_view name;
  // The field holds an integer from 0 to `most`, or a text if this is std::nullopt.
  std::optional<std::int64_t> most{};

  int times = 0;
  // Whether the last value had the expected type and range.
  bool valid = false;
  std::int64_t number = 0;
  std::string text{};

  // Whether the field occurred once and its value is valid.
  bool readable() const { return times == 1 && valid; }
};

// Fills `fields` from the JSON object `data` without building the object in memory: deep nesting
// needs no stack, and everything except the known fields of the outermost object is skipped.
// Returns what is wrong with the document as a whole, or nothing. Fields before the error are
// filled nevertheless. Never quotes the document.
std::optional<std::string> read_fields(std::string_view data, std::span<Field> fields);

}  // namespace pollbus::wire
