#pragma once

#include <span>
#include <string_view>

namespace pollbus::broker {

// One attribute of a message; borrows its text.
struct Attribute {
  std::string_view key;
  std::string_view value;
};

// The attributes of one message, each key once, in any order.
using Attributes = std::span<const Attribute>;

// Returns nullptr when there is none. A linear search: a message has at most 100 attributes.
inline const Attribute* find_attribute(Attributes attributes, std::string_view key) {
  for (const Attribute& attribute : attributes) {
    if (attribute.key == key) return &attribute;
  }
  return nullptr;
}

}  // namespace pollbus::broker
