#include "bus/outbox.h"

#include <utility>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus {
namespace {

// An attribute's value has at most 1,024 bytes:
// https://cloud.google.com/pubsub/quotas#resource_limits
constexpr std::size_t kMaxAttributeBytes = 1'024;

}  // namespace

Message quarantine_notice(const std::string& reason, Attributes attributes,
                          const std::string& message_id) {
  Message notice{.data = {}, .attributes = std::move(attributes)};
  notice.attributes["reason"] = reason.substr(0, kMaxAttributeBytes);
  notice.attributes["messageId"] = message_id;
  return notice;
}

Outbox::Outbox(Parts parts, prometheus::Registry& metrics)
    : parts_(parts),
      quarantined_(counter(metrics, "pollbus_quarantined_total",
                           "Messages that could not be processed or published")),
      refused_(counter(metrics, "pollbus_publish_refused_total",
                       "Messages that the bus refused for good")),
      lost_notices_(counter(metrics, "pollbus_quarantine_lost_total",
                            "Quarantine notices that the bus refused")) {}

bool Outbox::publish(const Outgoing& outgoing, std::stop_token stop) {
  std::vector<Message> notices = outgoing.notices;
  return publish_messages(outgoing, &notices, stop) && publish_notices(notices, stop);
}

bool Outbox::publish_messages(const Outgoing& outgoing, std::vector<Message>* notices,
                              std::stop_token stop) {
  const std::span<const Message> messages = outgoing.messages;
  const auto refused = parts_.dependency.hold_batch(
      stop, messages.size(), [&](std::size_t first, std::size_t count) {
        return parts_.topic.publish(messages.subspan(first, count), stop);
      });
  if (!refused.ok()) return false;
  for (const auto& [position, error] : *refused) {
    refused_.Increment();
    log_error("the bus refused a message for good", {{"error", error}});
    const Message& message = messages[position];
    notices->push_back(quarantine_notice("refused by the bus: " + error.ToString(),
                                         {{"function", message.attribute("function")}}, ""));
  }
  return true;
}

bool Outbox::publish_notices(std::span<const Message> notices, std::stop_token stop) {
  if (notices.empty()) return true;
  const auto count = static_cast<double>(notices.size());
  const absl::Status status = parts_.dependency.hold_while(
      stop, is_transient, [&] { return parts_.quarantine.publish(notices, stop); });
  if (stop.stop_requested() && absl::IsCancelled(status)) return false;
  if (status.ok()) {
    quarantined_.Increment(count);
    log_warning("messages quarantined",
                {{"messages", notices.size()}, {"reason", notices.front().attribute("reason")}});
  } else {
    lost_notices_.Increment(count);
    log_error("the bus refused quarantine notices",
              {{"notices", notices.size()}, {"error", status}});
  }
  return true;
}

}  // namespace pollbus
