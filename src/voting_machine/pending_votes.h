#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "base/clock.h"
#include "voting_machine/journal.h"

namespace pollbus::voting_machine {

// A vote without an answer for this long has timed out. That does not mean that it failed.
inline constexpr std::chrono::seconds kAnswerTimeout{10};
// A vote is published again kAnswerTimeout after the first time, then after pauses that double
// between these bounds. Each pause is shortened by a random amount of up to a quarter.
inline constexpr std::chrono::milliseconds kFirstRetryPause{5'000};
inline constexpr std::chrono::milliseconds kMaxRetryPause{20'000};

// The votes that have no answer yet, and when each of them times out and is published again. Does
// no I/O; the caller passes in the time. Not thread-safe.
class PendingVotes {
 public:
  explicit PendingVotes(std::uint32_t seed = std::random_device{}()) : random_(seed) {}

  struct Ended {
    Journal::Slot slot = 0;
    // From cast to answer; absent for a vote of an earlier run.
    std::optional<std::chrono::nanoseconds> latency;
  };
  struct Due {
    std::string uuid;
    std::string data;
  };

  // Adds a vote, cast at `cast`, that is to be published at once. False if its UUID is pending
  // already.
  bool add(const std::string& uuid, std::string data, Journal::Slot slot, SteadyTime cast);
  // The same for a vote of an earlier run, which counts as timed out.
  bool add_recovered(const std::string& uuid, std::string data, Journal::Slot slot, SteadyTime now);
  bool contains(const std::string& uuid) const { return votes_.contains(uuid); }

  // Removes a vote because its answer came. Nothing if it is not pending.
  std::optional<Ended> end(const std::string& uuid, SteadyTime now);

  // Marks the votes whose time is over as timed out and returns their UUIDs.
  std::vector<std::string> take_timed_out(SteadyTime now);

  // Takes at most `most` votes that are to be published now. They are not due again before one of
  // the two methods below is called for them.
  std::vector<Due> take_due(SteadyTime now, std::size_t most);
  // The bus has the vote: it is due again after its next pause.
  void published(const std::string& uuid, SteadyTime now);
  // The vote was not published: it is due again at `when`.
  void postpone(const std::string& uuid, SteadyTime when);

  std::optional<SteadyTime> next_time_out() const;
  std::optional<SteadyTime> next_due() const;
  std::size_t size() const { return votes_.size(); }
  // Votes that have not timed out.
  std::size_t in_flight() const { return time_outs_.size(); }

 private:
  // Each vote is a link of the containers below, so that they need no memory of their own.
  struct Vote {
    const std::string* uuid = nullptr;  // its key in votes_
    std::string data;
    Journal::Slot slot = 0;
    std::optional<SteadyTime> cast;
    bool was_published = false;
    std::chrono::milliseconds pause = kFirstRetryPause;
    SteadyTime due;
    boost::intrusive::set_member_hook<> in_due;  // not linked while it is being published
    SteadyTime time_out;
    boost::intrusive::list_member_hook<> in_time_outs;  // not linked once it has timed out
  };
  struct DueOf {
    using type = SteadyTime;
    const SteadyTime& operator()(const Vote& vote) const { return vote.due; }
  };
  using DueTimes = boost::intrusive::multiset<
      Vote, boost::intrusive::key_of_value<DueOf>,
      boost::intrusive::member_hook<Vote, boost::intrusive::set_member_hook<>, &Vote::in_due>>;
  using TimeOuts = boost::intrusive::list<
      Vote, boost::intrusive::member_hook<Vote, boost::intrusive::list_member_hook<>,
                                          &Vote::in_time_outs>>;  // in order of time

  Vote* add_vote(const std::string& uuid, std::string data, Journal::Slot slot, SteadyTime due);
  void set_time_out(Vote& vote, SteadyTime when);
  void set_due(Vote& vote, SteadyTime when);
  std::chrono::milliseconds jittered(std::chrono::milliseconds pause);

  absl::node_hash_map<std::string, Vote> votes_;
  DueTimes due_;
  TimeOuts time_outs_;
  std::minstd_rand random_;
};

}  // namespace pollbus::voting_machine
