#include "bus/inbound_check.h"

#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/metrics.h"

namespace pollbus {
namespace {

constexpr char kNotAuthenticated[] = "not authenticated";

std::string function_of(const Attributes& attributes) {
  const auto found = attributes.find("function");
  return found == attributes.end() ? "" : found->second;
}

}  // namespace

InboundCheck::InboundCheck(Attributes expected, prometheus::Registry& metrics,
                           std::optional<InboundKeys> keys)
    : expected_(std::move(expected)),
      keys_(std::move(keys)),
      strays_(counter(metrics, "pollbus_strays_total",
                      "Messages received although the subscription's filter excludes them")),
      forged_(counter(metrics, "pollbus_not_authenticated_total",
                      "Messages that were quarantined because no holder of the key made them",
                      {{"function", function_of(expected_)}})) {
  if (keys_)
    key_watch_.emplace(keys_->setting, function_of(expected_), keys_->clock, keys_->readiness);
}

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

bool InboundCheck::is_forged(const ReceivedMessage& message, Outgoing* outgoing) {
  if (!keys_) return false;
  if (keys_->is_authentic(message)) {
    key_watch_->passed();
    return false;
  }
  key_watch_->failed();
  turn_away(message, outgoing);
  return true;
}

void InboundCheck::turn_away(const ReceivedMessage& message, Outgoing* outgoing) {
  forged_.Increment();
  reject(kNotAuthenticated, message, std::nullopt, outgoing);
}

void InboundCheck::reject(const std::string& reason, const ReceivedMessage& message,
                          std::optional<Message> answer, Outgoing* outgoing) const {
  outgoing->notices.push_back(quarantine_notice(reason, expected_, std::string(message.id)));
  if (answer) outgoing->messages.push_back(*std::move(answer));
}

}  // namespace pollbus
