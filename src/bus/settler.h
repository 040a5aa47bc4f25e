#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/message.h"
#include "bus/subscriber.h"

namespace pollbus {

// What becomes of a batch's leases.
struct Settlement {
  std::vector<std::string> acks;
  std::vector<std::string> nacks;
};

// The order that at-least-once hangs on: first the handler, then the acks of what it says is safe.
// No I/O of its own. One thread at a time.
class Settler {
 public:
  explicit Settler(BatchHandler handler) : handler_(std::move(handler)) {}

  // Hands the batch to the handler, and then `settle` what its verdicts come to. What the handler
  // has no verdict for is given back.
  void work(std::span<const ReceivedMessage> messages, std::vector<std::string> ack_ids,
            std::stop_token stop, const std::function<void(Settlement)>& settle);

 private:
  BatchHandler handler_;
  std::vector<Verdict> last_;  // of the batch before; only a mutant looks at it
};

}  // namespace pollbus
