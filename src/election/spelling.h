#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pollbus {

// The name that was probably meant: the one that needs the fewest changed, added, left out or
// exchanged letters, if these are few. Case does not matter. Pure; thread-safe.
std::optional<std::string> closest_name(std::string_view word,
                                        std::span<const std::string_view> names);

// " (did you mean NAME?)", or "".
std::string suggestion(std::string_view word, std::span<const std::string_view> names);

}  // namespace pollbus
