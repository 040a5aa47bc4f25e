#include "integration/witness.h"

#include <algorithm>

#include "election/wire.h"
#include "support/received_message.h"

namespace pollbus::testing {

Witness::Witness(const BusConfig& bus, const std::string& topic)
    : listener_(bus, topic, "witness-sub", "", [this](const ReceivedMessage& message) {
        const std::lock_guard lock(mutex_);
        messages_.push_back(message_of(message));
      }) {}

Accounts Witness::accounts() const {
  Accounts accounts;
  for (const Message& message : messages(wire::kSubmitVote)) {
    const auto parsed = wire::parse_submitted(message.data);
    if (const auto* vote = std::get_if<SubmittedVote>(&parsed)) {
      accounts.try_emplace(vote->uuid, Account{.vote = *vote});
    }
  }
  for (const Message& message : messages(wire::kResult)) {
    const auto parsed = wire::parse_result(message.data);
    const auto* result = std::get_if<Result>(&parsed);
    if (result == nullptr) continue;
    if (const auto found = accounts.find(result->uuid); found != accounts.end()) {
      found->second.answers.push_back(result->outcome);
    }
  }
  return accounts;
}

std::vector<Message> Witness::messages(std::string_view function) const {
  const std::lock_guard lock(mutex_);
  std::vector<Message> found;
  for (const Message& message : messages_) {
    if (message.attribute(std::string(wire::kFunction)) == function) found.push_back(message);
  }
  return found;
}

std::size_t Witness::count(std::string_view function) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(messages_, [function](const Message& message) {
        return message.attribute(std::string(wire::kFunction)) == function;
      }));
}

Quarantine::Quarantine(const BusConfig& bus, const std::string& topic)
    : listener_(bus, topic + "-quarantine", "quarantine-sub", "",
                [this](const ReceivedMessage& message) {
                  const std::lock_guard lock(mutex_);
                  notices_.push_back(message_of(message));
                }) {}

std::vector<Message> Quarantine::notices() const {
  const std::lock_guard lock(mutex_);
  return notices_;
}

}  // namespace pollbus::testing
