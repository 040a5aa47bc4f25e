#include "voting_machine/election_guide.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/logging.h"
#include "election/uuid.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::chrono::seconds kAskAgain{10};
constexpr std::chrono::seconds kAskSoon{2};
// Answers to older requests no longer matter.
constexpr std::size_t kMaxAsked = 16;
constexpr std::size_t kMaxElections = 100;

}  // namespace

ElectionGuide::ElectionGuide(Parts parts, wire::DescribeRequest question)
    : parts_(std::move(parts)), question_(std::move(question)) {}

absl::Status ElectionGuide::ask() {
  wire::DescribeRequest request = question_;
  request.uuid = random_uuid();
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(request.uuid);
    if (asked_.size() > kMaxAsked) asked_.pop_front();
  }
  Message message = wire::describe_message(request);
  authenticate(parts_.keys, question_.machine, std::span(&message, 1));
  return parts_.topic.publish(std::span(&message, 1));
}

void ElectionGuide::keep_asking(std::stop_token stop, const std::function<bool()>& is_urgent) {
  while (!stop.stop_requested()) {
    if (const absl::Status status = ask(); !status.ok())
      log_debug("cannot ask for the elections", {{"error", status}});
    parts_.clock.pause(is_answered() && !is_urgent() ? kAskAgain : kAskSoon, stop);
  }
}

bool ElectionGuide::take(const ReceivedMessage& message) {
  if (!wire::is_describe_answer(message.data)) return false;
  const auto answer = wire::parse_describe_answer(message.data);
  if (!answer.ok()) {
    log_warning("an answer to \"describe election\" is not valid", {{"error", answer.status()}});
    return true;
  }
  const std::lock_guard lock(mutex_);
  // Another process with this machine number may have asked.
  if (std::ranges::find(asked_, answer->uuid) == asked_.end()) return true;
  for (const wire::DescribedElection& each : answer->elections) learn(each);
  clock_offset_ms_ = answer->now_utc_ms - unix_ms(parts_.clock.wall_now());
  is_answered_ = true;
  changed_.notify_all();
  return true;
}

void ElectionGuide::learn(const wire::DescribedElection& described) {
  auto state = replay(described.events, parts_.office);
  if (!state.ok()) {
    log_error("the history of an election is not the office's",
              {{"election", described.election}, {"error", state.status()}});
    return;
  }
  const Definition& definition = state->definition;
  const bool is_wanted = question_.election ? definition.election == *question_.election
                                            : definition.event == *question_.event;
  const bool is_known = elections_.contains(definition.election);
  if (!is_wanted || (!is_known && elections_.size() == kMaxElections)) return;
  if (is_known && elections_.at(definition.election).sequence >= state->sequence) return;
  elections_.insert_or_assign(definition.election, *std::move(state));
}

bool ElectionGuide::is_answered() const {
  const std::lock_guard lock(mutex_);
  return is_answered_;
}

bool ElectionGuide::wait_for_answer(SteadyTime deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, stop, deadline, [this] { return is_answered_; });
}

std::vector<ElectionState> ElectionGuide::elections() const {
  const std::lock_guard lock(mutex_);
  std::vector<ElectionState> states;
  for (const auto& [election, state] : elections_) states.push_back(state);
  return states;
}

std::int64_t ElectionGuide::now_ms() const {
  const std::lock_guard lock(mutex_);
  return unix_ms(parts_.clock.wall_now()) + clock_offset_ms_;
}

}  // namespace pollbus::voting_machine
