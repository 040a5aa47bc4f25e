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

// The attribute with this key, or nullptr. Linear: a message has few (at most 100).
inline const Attribute* find_attribute(Attributes attributes, std::string_view key) {
  for (const Attribute& attribute : attributes) {
    if (attribute.key == key) return &attribute;
  }
  return nullptr;
}

}  // namespace pollbus::broker
