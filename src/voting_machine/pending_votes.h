#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "voting_machine/journal.h"

namespace pollbus::voting_machine {

// After this long without an answer a vote is said to have timed out. It never means that it
// failed.
inline constexpr std::chrono::seconds kAnswerTimeout{10};
// Pauses before a vote is published again, from the first time-out on; doubling, jittered.
inline constexpr std::chrono::milliseconds kFirstRetryPause{5'000};
inline constexpr std::chrono::milliseconds kMaxRetryPause{20'000};

// The votes cast and not answered, and when each is to be published again. Plain state, handed the
// time; no I/O. Not thread-safe.
class PendingVotes {
 public:
  // `seed`: of the jitter.
  explicit PendingVotes(std::uint32_t seed = std::random_device{}()) : random_(seed) {}

  struct Settled {
    Journal::Slot slot = 0;
    // From cast to answer; absent for a vote of an earlier run.
    std::optional<std::chrono::nanoseconds> latency;
  };
  struct Due {
    std::vector<std::string> data;  // to be published again
    int timed_out = 0;              // of these, for the first time
  };

  void add(const std::string& uuid, std::string data, Journal::Slot slot, SteadyTime now);
  // A vote of an earlier run: due at once.
  void add_recovered(const std::string& uuid, std::string data, Journal::Slot slot, SteadyTime now);

  // The first answer ends a vote; nothing for a vote not pending (any more).
  std::optional<Settled> settle(const std::string& uuid, SteadyTime now);

  // At most `most` votes whose time has come; each is due again after its next pause.
  Due take_due(SteadyTime now, std::size_t most);
  std::optional<SteadyTime> next_due() const;

  std::size_t size() const { return votes_.size(); }
  // Those that have not timed out.
  std::size_t in_flight() const { return in_flight_; }

 private:
  struct Vote {
    std::string data;
    Journal::Slot slot = 0;
    std::optional<SteadyTime> cast;
    bool timed_out = false;
    std::chrono::milliseconds pause = kFirstRetryPause;
    std::multimap<SteadyTime, std::string>::iterator due;
  };

  void insert(const std::string& uuid, Vote vote, SteadyTime due);
  std::chrono::milliseconds jittered(std::chrono::milliseconds pause);

  std::unordered_map<std::string, Vote> votes_;
  std::multimap<SteadyTime, std::string> due_;  // uuid by time
  std::size_t in_flight_ = 0;
  std::minstd_rand random_;
};

}  // namespace pollbus::voting_machine
