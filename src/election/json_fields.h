#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pollbus::wire {

// What is read of a message at most: beyond it not even the sender is looked for.
inline constexpr std::size_t kMaxParsedBytes = 1024 * 1024;

// A field that a message may have, and what was found for it.
struct Field {
  std::string_view name;
  // Integers from 0 to `most`; std::nullopt: a text.
  std::optional<std::int64_t> most{};

  int times = 0;
  // Set when the last value given had the type and the range asked for.
  bool valid = false;
  std::int64_t number = 0;
  std::string text{};

  // One value, and a valid one.
  bool readable() const { return times == 1 && valid; }
};

// Fills `fields` from the JSON object `data` without building it up in memory: nesting takes no
// stack, and everything that is not a known field of the outermost object is skipped. Returns what
// is wrong with the document as a whole, or nothing; fields that stand before the error are filled
// all the same. Never quotes the document.
std::optional<std::string> read_fields(std::string_view data, std::span<Field> fields);

}  // namespace pollbus::wire
