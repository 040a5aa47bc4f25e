#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/dependency.h"
#include "base/message.h"
#include "bus/publisher.h"

namespace pollbus {

// What a service's handler does the same way whatever it handles: tells its own messages from
// strays, and sends what a batch has led to. Borrows the publishers. One thread at a time.
class Intake {
 public:
  struct Parts {
    Publisher& topic;
    Publisher& quarantine;
    Dependency& bus;
  };

  // What a batch leads to.
  struct Outcome {
    std::vector<Message> messages;
    std::vector<Message> notices;  // for the quarantine topic
  };

  // `own`: the attributes that each of this service's messages carries, as its filter has them.
  Intake(Parts parts, std::map<std::string, std::string> own, prometheus::Registry& metrics);

  // Whether the message is this service's. A stray (some emulators store filters and do not apply
  // them) is counted, and logged once.
  bool is_ours(const ReceivedMessage& message);

  // The message cannot be processed: adds a notice of that, and the answer to whoever sent it.
  void reject(const std::string& reason, const ReceivedMessage& message,
              std::optional<Message> answer, Outcome* outcome) const;

  // Publishes all of it, holding out while the bus is away. True: the server has answered for every
  // message. False: a stop was requested first. A notice that the bus refuses for good is logged
  // and counted, and no more.
  bool publish(const Outcome& outcome, std::stop_token stop);

 private:
  Parts parts_;
  const std::map<std::string, std::string> own_;
  prometheus::Counter& strays_;
  prometheus::Counter& quarantined_;
  prometheus::Counter& lost_notices_;
  bool warned_of_strays_ = false;
};

}  // namespace pollbus
