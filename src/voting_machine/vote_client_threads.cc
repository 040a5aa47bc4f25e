#include "voting_machine/vote_client_threads.h"

#include <chrono>
#include <utility>

namespace pollbus::voting_machine {
namespace {

// How long after a stop was requested votes are still published, and answers waited for.
constexpr std::chrono::milliseconds kLastPublish{500};
constexpr std::chrono::milliseconds kLastAnswer{2'000};

}  // namespace

VoteClientThreads::VoteClientThreads(VoteClient& client, std::function<void()> on_failure)
    : client_(client),
      on_failure_(std::move(on_failure)),
      tending_([this](std::stop_token stop) { tend(stop); }),
      delivering_([this](std::stop_token stop) { deliver(stop); }) {}

void VoteClientThreads::wait_for_last_answers(SteadyTime now) {
  client_.wait_for_answers(now + kLastPublish);
  delivering_.request_stop();
  client_.wait_for_answers(now + kLastAnswer);
}

absl::Status VoteClientThreads::stop() {
  for (std::jthread* thread : {&delivering_, &tending_}) {
    thread->request_stop();
    if (thread->joinable()) thread->join();
  }
  return client_.tend().status();
}

void VoteClientThreads::tend(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto wake = client_.tend();
    if (!wake.ok()) return on_failure_();
    client_.wait_to_tend(*wake, stop);
  }
}

void VoteClientThreads::deliver(std::stop_token stop) {
  while (!stop.stop_requested()) client_.wait_to_deliver(client_.deliver(stop), stop);
}

}  // namespace pollbus::voting_machine
