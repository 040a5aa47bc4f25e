#include "bus/inbound_check.h"

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/metrics.h"

namespace pollbus {

InboundCheck::InboundCheck(std::map<std::string, std::string> expected,
                           prometheus::Registry& metrics)
    : expected_(std::move(expected)),
      strays_(counter(metrics, "pollbus_strays_total",
                      "Messages received although the subscription's filter excludes them")) {}

bool InboundCheck::is_stray(const ReceivedMessage& message) {
  const auto carries = [&](const auto& attribute) {
    return message.attribute(attribute.first) == attribute.second;
  };
  if (std::ranges::all_of(expected_, carries)) return false;
  strays_.Increment();
  if (!std::exchange(has_warned_, true)) {
    log_warning(
        "the bus delivers messages that the subscription's filter excludes; they are acknowledged "
        "and counted");
  }
  return true;
}

void InboundCheck::reject(const std::string& reason, const ReceivedMessage& message,
                          std::optional<Message> answer, Outgoing* outgoing) const {
  outgoing->notices.push_back(quarantine_notice(reason, expected_, message.id));
  if (answer) outgoing->messages.push_back(*std::move(answer));
}

}  // namespace pollbus
