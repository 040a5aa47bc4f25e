#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "broker/core/message.h"

namespace pollbus::broker {

// Identifies one delivery of a message by a subscription. The text, which clients treat as opaque,
// is
// "<subscription>-<message>-<attempt>-<start>".
struct AckId {
  static constexpr std::size_t kMaxTextBytes = 10 + 1 + 20 + 1 + 10 + 1 + 10;
  using Text = std::array<char, kMaxTextBytes>;

  // std::nullopt for a text that no version of this broker gives out. Versions before the field
  // `start` existed gave out texts without it; it is 0 then.
  static std::optional<AckId> parse(std::string_view text);
  // Borrows `text`.
  std::string_view format(Text& text) const;

  bool operator==(const AckId&) const = default;

  SubscriptionId subscription = 0;
  MessageId message = 0;
  std::uint32_t attempt = 0;
  // Counts the processes that have used the broker's data. After a crash the same attempt may be
  // made again, because its number was not stored; the start tells the two apart.
  std::uint32_t start = 0;
};

}  // namespace pollbus::broker
