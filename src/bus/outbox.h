#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/dependency.h"
#include "base/message.h"
#include "bus/publisher.h"

namespace pollbus {

// The messages that handling one batch leads to.
struct Outgoing {
  std::vector<Message> messages;  // for the topic
  std::vector<Message> notices;   // for the quarantine topic
};

// A notice that a message could not be processed: the reason (shortened if need be), the message's
// id and those attributes that say what kind of message it was.
Message quarantine_notice(const std::string& reason, Attributes attributes,
                          const std::string& message_id);

// Publishes what a service has to say: messages to the topic, notices to the quarantine topic.
// Borrows the publishers and the dependency. Thread-safe.
class Outbox {
 public:
  struct Parts {
    Publisher& topic;
    Publisher& quarantine;
    Dependency& dependency;  // the bus
  };

  Outbox(Parts parts, prometheus::Registry& metrics);

  // Publishes everything, messages first, and waits while the bus is unavailable. Returns true once
  // the server has answered for all of it; false if a stop was requested before. A message that the
  // bus refuses for good does not hold up the others: a notice takes its place. A notice that is
  // refused is logged and counted.
  bool publish(const Outgoing& outgoing, std::stop_token stop);

 private:
  bool publish_messages(const Outgoing& outgoing, std::vector<Message>* notices,
                        std::stop_token stop);
  bool publish_notices(std::span<const Message> notices, std::stop_token stop);

  Parts parts_;
  prometheus::Counter& quarantined_;
  prometheus::Counter& refused_;
  prometheus::Counter& lost_notices_;
};

}  // namespace pollbus
