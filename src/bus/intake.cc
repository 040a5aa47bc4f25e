#include "bus/intake.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus {
namespace {

// What a reason is cut to, to be an attribute's value.
constexpr std::size_t kMaxAttributeBytes = 1'024;

}  // namespace

Intake::Intake(Parts parts, std::map<std::string, std::string> own, prometheus::Registry& metrics)
    : parts_(parts),
      own_(std::move(own)),
      strays_(counter(metrics, "pollbus_strays_total",
                      "Messages delivered that the filter should have held back")),
      quarantined_(
          counter(metrics, "pollbus_quarantined_total", "Messages that could not be processed")),
      lost_notices_(counter(metrics, "pollbus_quarantine_lost_total",
                            "Quarantine notices that the bus refused")) {}

bool Intake::is_ours(const ReceivedMessage& message) {
  const auto carries = [&](const auto& attribute) {
    return message.attribute(attribute.first) == attribute.second;
  };
  if (std::ranges::all_of(own_, carries)) return true;
  strays_.Increment();
  if (!warned_of_strays_) {
    warned_of_strays_ = true;
    log_warning(
        "the bus delivers what the subscription's filter excludes; such messages are acked and "
        "counted");
  }
  return false;
}

void Intake::reject(const std::string& reason, const ReceivedMessage& message,
                    std::optional<Message> answer, Outcome* outcome) const {
  // Which message, and why: no payload, which may hold what is secret.
  Message notice{.data = {}, .attributes = own_};
  notice.attributes["reason"] = reason.substr(0, kMaxAttributeBytes);
  notice.attributes["messageId"] = message.id;
  outcome->notices.push_back(std::move(notice));
  if (answer) outcome->messages.push_back(*std::move(answer));
}

bool Intake::publish(const Outcome& outcome, std::stop_token stop) {
  if (is_mutant(Mutant::kPublishNotAwaited)) {
    (void)parts_.topic.publish(outcome.messages);
    return true;
  }
  const bool published = outcome.messages.empty() || parts_.bus.hold_until_ok(stop, [&] {
    return parts_.topic.publish(outcome.messages).status();
  });
  if (!published || outcome.notices.empty()) return published;
  return parts_.bus.hold_until_ok(stop, [&] {
    const auto status = parts_.quarantine.publish(outcome.notices).status();
    const auto count = static_cast<double>(outcome.notices.size());
    if (status.ok()) {
      quarantined_.Increment(count);
      log_warning("messages that cannot be processed",
                  {{"messages", outcome.notices.size()},
                   {"reason", outcome.notices.front().attribute("reason")}});
    }
    if (status.ok() || is_transient(status)) return status;
    lost_notices_.Increment(count);
    log_error("quarantine notices refused by the bus",
              {{"notices", outcome.notices.size()}, {"error", status}});
    return absl::OkStatus();
  });
}

}  // namespace pollbus
