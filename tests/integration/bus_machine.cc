#include "integration/bus_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "election/messages.h"
#include "election/uuid.h"
#include "election/wire.h"

namespace pollbus::testing {
namespace {

// Pauses before unanswered votes are published again. They double, so that a slow system is not
// flooded with copies.
constexpr std::chrono::seconds kFirstRetryPause{3};
constexpr std::chrono::seconds kMaxRetryPause{24};

}  // namespace

BusMachine::BusMachine(const BusConfig& bus, const std::string& topic, std::int64_t election,
                       std::int64_t machine, MachineKeys keys)
    : election_(election),
      machine_(machine),
      keys_(std::move(keys)),
      publisher_(make_publisher(connect(bus), bus.topic_path(topic))),
      listener_(std::make_unique<BusListener>(
          bus, topic, fmt::format("election-result-{}-sub", machine), wire::result_filter(machine),
          [this](const ReceivedMessage& message) { on_result(message); })) {}

SubmittedVote BusMachine::draw(std::int64_t voter, std::int64_t choice) const {
  return {.election = election_,
          .machine = machine_,
          .voter = voter,
          .choice = choice,
          .uuid = random_uuid(),
          .timestamp_ms = {}};
}

absl::Status BusMachine::cast(std::span<const SubmittedVote> votes) {
  std::vector<Message> messages;
  {
    const std::lock_guard lock(mutex_);
    for (const SubmittedVote& vote : votes) {
      accounts_.try_emplace(vote.uuid, Account{.vote = vote});
      messages.push_back(wire::submit_message(vote));
    }
  }
  authenticate(keys_, machine_, messages);
  return publisher_->publish(messages);
}

absl::Status BusMachine::publish(const Message& message) {
  return publisher_->publish(std::span(&message, 1));
}

bool BusMachine::resolve_all(std::chrono::milliseconds within) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (auto pause = kFirstRetryPause; !wait_for_all_answers(pause);
       pause = std::min(pause * 2, kMaxRetryPause)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::vector<SubmittedVote> again;
    for (const auto& [uuid, account] : accounts()) {
      if (!account.is_answered()) again.push_back(account.vote);
    }
    // Votes that cannot be published now are published in the next round.
    cast(again).IgnoreError();
  }
  return true;
}

std::vector<Result> BusMachine::answers(const std::string& uuid, std::size_t count,
                                        std::chrono::milliseconds within) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, within, [&] { return results_[uuid].size() >= count; });
  return results_[uuid];
}

bool BusMachine::wait_for_all_answers(std::chrono::milliseconds within) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, [&] { return unanswered_locked() == 0; });
}

std::size_t BusMachine::unanswered() const {
  const std::lock_guard lock(mutex_);
  return unanswered_locked();
}

Accounts BusMachine::accounts() const {
  const std::lock_guard lock(mutex_);
  return accounts_;
}

void BusMachine::on_result(const ReceivedMessage& message) {
  if (message.attribute(std::string(wire::kMachineId)) != std::to_string(machine_)) return;
  if (message.attribute(std::string(wire::kFunction)) != wire::kResult) return;
  const auto parsed = wire::parse_result(message.data);
  const auto* result = std::get_if<Result>(&parsed);
  if (result == nullptr) return;
  const std::lock_guard lock(mutex_);
  results_[result->uuid].push_back(*result);
  if (const auto found = accounts_.find(result->uuid); found != accounts_.end()) {
    if (!found->second.is_answered()) ++answered_;
    found->second.answers.push_back(result->outcome);
  }
  changed_.notify_all();
}

}  // namespace pollbus::testing
