#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "election/vote.h"
#include "voting_machine/vote_client.h"
#include "voting_machine/vote_observer.h"

namespace pollbus::voting_machine {

struct Load {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  // Votes to cast; absent: until stopped.
  std::optional<std::int64_t> votes;
  // Votes a second, 0 or at least kMinRate; 0: as fast as answers allow. More than 100 a second are
  // cast in groups, one each 10 ms.
  double rate = 1;
  // At most this many votes are cast and neither answered nor timed out.
  std::int64_t in_flight = 1;
  // How long to wait for the remaining answers after the last vote was cast.
  std::chrono::seconds patience{120};
};
// Makes the next vote of an election at a machine, cast at a time.
using Voter = std::function<SubmittedVote(std::int64_t election, std::int64_t machine,
                                          std::int64_t timestamp_ms)>;
inline constexpr double kMinRate = 1e-6;
inline constexpr double kMaxRate = 1e6;

// Casts the votes of a Voter through a VoteClient, at a given rate or as fast as answers come.
// Observes the client, so add it with add_observer(). Borrows client and clock. step() and run()
// belong to one thread; the observer's calls may come from any.
class LoadGenerator final : public VoteObserver {
 public:
  struct Next {
    bool done = false;  // everything is cast, and answered or given up
    SteadyTime wake;    // when to call step() again, if no answer or time-out comes first
  };

  LoadGenerator(VoteClient& client, Clock& clock, Load load, Voter voter);

  // Casts the votes that may be cast now. Does not wait for the bus. Errors are those of
  // VoteClient::cast.
  absl::StatusOr<Next> step();

  // Calls step() until it is done or a stop is requested.
  absl::Status run(std::stop_token stop);

  void timed_out(std::span<const std::string> uuids) override;
  void answered(std::span<const Answer> answers) override;

 private:
  std::size_t may_cast(SteadyTime now) const;
  SteadyTime wake_at(SteadyTime now) const;
  absl::Status cast(std::size_t count, SteadyTime now);
  bool all_cast() const { return load_.votes && cast_ >= *load_.votes; }
  void wake_up();
  std::int64_t changes();

  VoteClient& client_;
  Clock& clock_;
  const Load load_;
  Voter voter_;
  std::int64_t cast_ = 0;
  SteadyTime next_cast_;   // when the next vote is due
  SteadyTime next_group_;  // and when it may be cast
  std::optional<SteadyTime> give_up_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t changes_ = 0;
};

}  // namespace pollbus::voting_machine
