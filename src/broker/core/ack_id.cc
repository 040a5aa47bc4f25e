#include "broker/core/ack_id.h"

#include <charconv>

namespace pollbus::broker {
namespace {

// Takes a number and, unless it is the last one, the '-' behind it.
template <typename Number>
bool take_number(std::string_view* text, bool is_last, Number* number) {
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, *number);
  if (error != std::errc() || (is_last ? stop != end : stop == end || *stop != '-')) return false;
  text->remove_prefix(static_cast<std::size_t>(stop - text->data()) + (is_last ? 0 : 1));
  return true;
}

}  // namespace

std::optional<AckId> AckId::parse(std::string_view text) {
  AckId id;
  if (!take_number(&text, false, &id.subscription) || !take_number(&text, false, &id.message) ||
      !take_number(&text, true, &id.attempt)) {
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
  return {text.data(), static_cast<std::size_t>(at - text.data())};
}

}  // namespace pollbus::broker
