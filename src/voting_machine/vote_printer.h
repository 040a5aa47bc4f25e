#pragma once

#include <functional>
#include <iosfwd>
#include <mutex>
#include <string>

#include "voting_machine/vote_observer.h"

namespace pollbus::voting_machine {

// Prints what is sent and received, as the original program does. Thread-safe.
class VotePrinter final : public VoteObserver {
 public:
  enum class Show {
    kVotes,          // whole messages: voter, choice and UUID
    kNothingSecret,  // the same lines without voter, choice, UUID and time
  };

  // Borrows `out`. Calls `on_closed` once, when nothing can be written to it any more.
  VotePrinter(std::ostream& out, Show show, std::function<void()> on_closed);

  void print(const std::string& line);
  bool is_closed() const;

  void published(std::span<const Message> votes) override;
  void timed_out(std::span<const std::string> uuids) override;
  void answered(std::span<const Answer> answers) override;

 private:
  std::ostream& out_;
  const Show show_;
  const std::function<void()> on_closed_;
  mutable std::mutex mutex_;
  bool is_closed_ = false;
};

}  // namespace pollbus::voting_machine
