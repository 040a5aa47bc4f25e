#include "broker/core/ack_id.h"

#include <charconv>

namespace pollbus::broker {
namespace {

// Removes a number from the front of the text.
template <typename Number>
bool take_number(std::string_view* text, Number* number) {
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, *number);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<std::size_t>(stop - text->data()));
  return true;
}

bool take_separator(std::string_view* text) {
  if (!text->starts_with('-')) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

std::optional<AckId> AckId::parse(std::string_view text) {
  AckId id;
  if (!take_number(&text, &id.subscription) || !take_separator(&text) ||
      !take_number(&text, &id.message) || !take_separator(&text) ||
      !take_number(&text, &id.attempt)) {
    return std::nullopt;
  }
  if (text.empty()) return id;
  if (!take_separator(&text) || !take_number(&text, &id.start) || !text.empty()) {
    return std::nullopt;
  }
  return id;
}

std::string_view AckId::format(Text& text) const {
  char* const end = text.data() + text.size();
  char* at = std::to_chars(text.data(), end, subscription).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, message).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, attempt).ptr;
  *at++ = '-';
  at = std::to_chars(at, end, start).ptr;
  return {text.data(), static_cast<std::size_t>(at - text.data())};
}

}  // namespace pollbus::broker
