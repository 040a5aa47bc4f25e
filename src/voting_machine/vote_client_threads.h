#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "absl/status/status.h"
#include "voting_machine/vote_client.h"

namespace pollbus::voting_machine {

// Runs tend() and deliver() of a client, each on a thread of its own, until stop() or destruction.
// Borrows the client. `on_failure` is called once, from one of these threads, if the journal fails:
// the client is of no use after that. stop() belongs to one thread.
class VoteClientThreads {
 public:
  VoteClientThreads(VoteClient& client, std::function<void()> on_failure);
  ~VoteClientThreads() { stop().IgnoreError(); }

  // After a stop was requested: waits up to two seconds for the answers to votes in flight. Begins
  // no publish after the first half second, because a bus that hangs can hold up each publish for
  // almost ten seconds, and the whole process must end within ten.
  void wait_for_last_answers(SteadyTime now);

  // Ends both threads, erases the votes that were answered last, and returns the journal's error if
  // there was one. A publish in progress is waited for.
  absl::Status stop();

 private:
  void tend(std::stop_token stop);
  void deliver(std::stop_token stop);

  VoteClient& client_;
  const std::function<void()> on_failure_;
  std::jthread tending_;
  std::jthread delivering_;
};

}  // namespace pollbus::voting_machine
