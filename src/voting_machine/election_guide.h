#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/message.h"
#include "bus/publisher.h"
#include "election/election_state.h"
#include "election/message_keys.h"
#include "election/office_messages.h"
#include "election/signature.h"

namespace pollbus::voting_machine {

// Asks the recorders for elections ("describe election") and keeps their states. An answer counts
// only if the office signed its whole history, and an older history never replaces a newer one.
// Borrows its parts. Thread-safe.
class ElectionGuide {
 public:
  struct Parts {
    Publisher& topic;
    Clock& clock;
    OfficePublicKey office;
    MachineKeys keys = {};
  };

  // `question` says which election or event; its UUID is ignored.
  ElectionGuide(Parts parts, wire::DescribeRequest question);

  // Publishes a request. Errors are the bus's.
  absl::Status ask();
  // Asks now and then again after kAskAgain, or after kAskSoon while there is no answer or it is
  // urgent, until a stop is requested.
  void keep_asking(std::stop_token stop, const std::function<bool()>& is_urgent);

  // Handles an answer; false if the message is none.
  bool take(const ReceivedMessage& message);

  // Whether any answer has come, and the wait for it. An answer may say that nothing is defined.
  bool is_answered() const;
  bool wait_for_answer(SteadyTime deadline, std::stop_token stop);

  // In the order of their numbers. Empty: nothing is known, or nothing is defined.
  std::vector<ElectionState> elections() const;
  // The recorder's time, as far as it is known, in milliseconds since 1970.
  std::int64_t now_ms() const;

 private:
  void learn(const wire::DescribedElection& described);

  Parts parts_;
  const wire::DescribeRequest question_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> asked_;  // UUIDs of the latest requests
  bool is_answered_ = false;
  std::map<std::int64_t, ElectionState> elections_;
  std::int64_t clock_offset_ms_ = 0;
};

}  // namespace pollbus::voting_machine
