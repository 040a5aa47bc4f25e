#include "election/message_keys.h"

#include <string>

#include "base/text.h"
#include "election/office_messages.h"
#include "election/wire.h"

namespace pollbus {
namespace {

MacInput input_of(const Message& message, std::string_view machine) {
  return {.function = message.attribute(std::string(wire::kFunction)),
          .machine = machine,
          .data = message.data};
}

bool carries_mac(const RotatingKey& key, const Message& message, std::string_view machine) {
  return is_authentic(key, input_of(message, machine), message.attribute(std::string(wire::kMac)));
}

void add_mac(const RotatingKey& key, std::string_view machine, Message* message) {
  message->attributes[std::string(wire::kMac)] = mac_of(key.current, input_of(*message, machine));
}

// The machine that an attribute names: decimal digits without leading zeros.
std::optional<std::int64_t> machine_of(const Message& message) {
  const std::string& text = message.attribute(std::string(wire::kMachineId));
  const auto machine = parse_integer(text);
  if (!machine || *machine < 0 || *machine > kMaxId || std::to_string(*machine) != text)
    return std::nullopt;
  return machine;
}

// A main key under which a kind of message is authenticated.
struct Needed {
  const std::optional<RotatingKey>* key = nullptr;
  std::optional<KeyUse> derived_for;  // absent: the main key itself
  std::optional<std::int64_t> id;     // for which the key is derived
};

Needed needed_for(const ServiceKeys& keys, const Message& message) {
  const std::string& function = message.attribute(std::string(wire::kFunction));
  if (function == wire::kSubmitVote) return {&keys.submit, KeyUse::kSubmit, machine_of(message)};
  if (function == wire::kRecordVote) return {&keys.record, {}, {}};
  if (function == wire::kResult || function == wire::kDescribeElection)
    return {&keys.result, KeyUse::kResult, machine_of(message)};
  if (function == wire::kOfficeAnswer)
    return {&keys.result, KeyUse::kResult, wire::kOfficeIdentity};
  return {};
}

// The key of a message and the ID that its MAC covers, if the message names a valid one.
struct Found {
  const RotatingKey* key = nullptr;
  std::string id;
};

std::optional<Found> find(const ServiceKeys& keys, const Message& message, DerivedKeys* derived) {
  const Needed needed = needed_for(keys, message);
  if (needed.key == nullptr || !*needed.key) return std::nullopt;
  if (!needed.derived_for) return Found{&**needed.key, ""};
  if (!needed.id) return std::nullopt;
  return Found{&derived->key(**needed.key, *needed.derived_for, *needed.id),
               std::to_string(*needed.id)};
}

}  // namespace

const RotatingKey& DerivedKeys::key(const RotatingKey& main, KeyUse use, std::int64_t id) {
  const auto found = keys_.find({use, id});
  if (found != keys_.end()) return found->second;
  if (keys_.size() == kMaxMachines) keys_.clear();
  return keys_.try_emplace({use, id}, derive_key(main, use, id)).first->second;
}

void authenticate(const ServiceKeys& keys, std::span<Message> messages, DerivedKeys* derived) {
  if (keys.empty()) return;
  for (Message& message : messages) {
    if (const auto found = find(keys, message, derived)) add_mac(*found->key, found->id, &message);
  }
}

void authenticate(const MachineKeys& keys, std::int64_t machine, std::span<Message> messages) {
  if (keys.empty()) return;
  const std::string id = std::to_string(machine);
  for (Message& message : messages) {
    const bool is_vote = message.attribute(std::string(wire::kFunction)) == wire::kSubmitVote;
    const auto& key = is_vote ? keys.submit : keys.result;
    if (!key) continue;
    message.attributes[std::string(wire::kMachineId)] = id;
    add_mac(*key, id, &message);
  }
}

bool is_authentic(const ServiceKeys& keys, const Message& message, DerivedKeys* derived) {
  if (keys.empty()) return true;
  const auto found = find(keys, message, derived);
  return found && carries_mac(*found->key, message, found->id);
}

bool is_authentic(const MachineKeys& keys, std::int64_t machine, const Message& message) {
  if (keys.empty()) return true;
  return keys.result && carries_mac(*keys.result, message, std::to_string(machine));
}

bool is_authentic_office_answer(const RotatingKey& key, const Message& message) {
  return carries_mac(key, message, std::to_string(wire::kOfficeIdentity));
}

bool speaks_for(const ServiceKeys& keys, const Message& message, std::int64_t machine) {
  return keys.empty() || machine_of(message) == machine;
}

}  // namespace pollbus
