#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "broker/core/message.h"

namespace pollbus::broker {

// Names one delivery of a message by a subscription. As text "<subscription>-<message>-<attempt>";
// clients treat it as opaque.
struct AckId {
  static constexpr std::size_t kMaxTextBytes = 10 + 1 + 20 + 1 + 10;
  using Text = std::array<char, kMaxTextBytes>;

  // std::nullopt for what no broker of ours has given out.
  static std::optional<AckId> parse(std::string_view text);
  // Borrows `text`.
  std::string_view format(Text& text) const;

  bool operator==(const AckId&) const = default;

  SubscriptionId subscription = 0;
  MessageId message = 0;
  std::uint32_t attempt = 0;
};

}  // namespace pollbus::broker
