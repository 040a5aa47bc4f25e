#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/message.h"
#include "election/vote.h"

namespace pollbus::voting_machine {

// An answer that arrived at this machine.
struct Answer {
  Result result;
  // The message as it was received: a view that is valid while the observers are called.
  std::string_view text;
  // True if a vote was waiting for it. False for a repeated answer and for one to a vote that this
  // process does not know, for example of another process with the same machine ID.
  bool ends_vote = false;
  // From cast to answer; absent if `ends_vote` is false or an earlier run cast the vote.
  std::optional<std::chrono::nanoseconds> latency;
};

// Is told what happens to the votes of a VoteClient: a tally, a printer, a voter's page. Each call
// comes from the thread on which the event happened and without a lock of the client, so an
// implementation must be thread-safe, may call the client, and should return soon. For one vote the
// calls come in the order kept or recovered, then published, timed_out and answered in any order.
class VoteObserver {
 public:
  virtual ~VoteObserver() = default;

  // An earlier run left these votes in the journal. They will be published again.
  virtual void recovered(std::span<const SubmittedVote> /*votes*/) {}
  // The votes are on disk and will be delivered, whatever happens to this process.
  virtual void kept(std::span<const SubmittedVote> /*votes*/) {}
  // The bus has confirmed these messages, for the first time or again.
  virtual void published(std::span<const Message> /*votes*/) {}
  // These votes had no answer for kAnswerTimeout. They stay pending; this is not a failure.
  virtual void timed_out(std::span<const std::string> /*uuids*/) {}
  // Called before an answered vote leaves the journal.
  virtual void answered(std::span<const Answer> /*answers*/) {}
};

}  // namespace pollbus::voting_machine
