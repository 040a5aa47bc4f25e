#include "election/message_keys.h"

#include <string>

#include "base/text.h"
#include "election/office_messages.h"
#include "election/wire.h"

namespace pollbus {
namespace {

MacInput input_of(const auto& message, std::string_view machine) {
  return {.function = message.attribute(wire::kFunction), .machine = machine, .data = message.data};
}

bool carries_mac(const RotatingKey& key, const ReceivedMessage& message, std::string_view machine) {
  return is_authentic(key, input_of(message, machine), message.attribute(wire::kMac));
}

void add_mac(const RotatingKey& key, std::string_view machine, Message* message) {
  message->attributes.insert_or_assign(std::string(wire::kMac),
                                       mac_of(key.current, input_of(*message, machine)));
}

// The machine that a text names: decimal digits without leading zeros.
std::optional<std::int64_t> machine_in(std::string_view text) {
  const auto machine = parse_integer(text);
  if (!machine || *machine < 0 || *machine > kMaxId || std::to_string(*machine) != text)
    return std::nullopt;
  return machine;
}

// The ID of the office in decimal digits.
const std::string& office_id() {
  static const std::string id = std::to_string(wire::kOfficeIdentity);
  return id;
}

// The key of a message, nullptr if there is none, and the ID that its MAC covers.
struct Needed {
  const RotatingKey* key = nullptr;
  std::string_view id;
};

Needed needed_for(const ServiceKeys& keys, const auto& message, DerivedKeys* derived) {
  const std::string_view function = message.attribute(wire::kFunction);
  if (function == wire::kRecordVote)
    return {.key = keys.record ? &*keys.record : nullptr, .id = ""};
  if (function == wire::kOfficeAnswer && keys.result)
    return {.key = &derived->of_office(*keys.result), .id = office_id()};
  const std::string_view machine = message.attribute(wire::kMachineId);
  if (function == wire::kSubmitVote && keys.submit)
    return {.key = derived->of_machine(*keys.submit, KeyUse::kSubmit, machine), .id = machine};
  if ((function == wire::kResult || function == wire::kDescribeElection) && keys.result)
    return {.key = derived->of_machine(*keys.result, KeyUse::kResult, machine), .id = machine};
  return {};
}

}  // namespace

const RotatingKey* DerivedKeys::of_machine(const RotatingKey& main, KeyUse use,
                                           std::string_view machine) {
  ByMachine& keys = use == KeyUse::kSubmit ? submit_ : result_;
  const auto found = keys.find(machine);
  if (found != keys.end()) return &found->second;
  const auto id = machine_in(machine);
  if (!id) return nullptr;
  if (keys.size() == kMaxMachines) keys.clear();
  return &keys.try_emplace(std::string(machine), derive_key(main, use, *id)).first->second;
}

const RotatingKey& DerivedKeys::of_office(const RotatingKey& main) {
  if (!office_) office_ = derive_key(main, KeyUse::kResult, wire::kOfficeIdentity);
  return *office_;
}

void authenticate(const ServiceKeys& keys, std::span<Message> messages, DerivedKeys* derived) {
  if (keys.empty()) return;
  for (Message& message : messages) {
    const Needed needed = needed_for(keys, message, derived);
    if (needed.key != nullptr) add_mac(*needed.key, needed.id, &message);
  }
}

void authenticate(const MachineKeys& keys, std::int64_t machine, std::span<Message> messages) {
  if (keys.empty()) return;
  const std::string id = std::to_string(machine);
  for (Message& message : messages) {
    const bool is_vote = message.attribute(wire::kFunction) == wire::kSubmitVote;
    const auto& key = is_vote ? keys.submit : keys.result;
    if (!key) continue;
    message.attributes[std::string(wire::kMachineId)] = id;
    add_mac(*key, id, &message);
  }
}

bool is_authentic(const ServiceKeys& keys, const ReceivedMessage& message, DerivedKeys* derived) {
  if (keys.empty()) return true;
  const Needed needed = needed_for(keys, message, derived);
  return needed.key != nullptr && carries_mac(*needed.key, message, needed.id);
}

bool is_authentic(const MachineKeys& keys, std::int64_t machine, const ReceivedMessage& message) {
  if (keys.empty()) return true;
  return keys.result && carries_mac(*keys.result, message, std::to_string(machine));
}

bool is_authentic_office_answer(const RotatingKey& key, const ReceivedMessage& message) {
  return carries_mac(key, message, office_id());
}

bool speaks_for(const ServiceKeys& keys, const ReceivedMessage& message, std::int64_t machine) {
  return keys.empty() || message.attribute(wire::kMachineId) == std::to_string(machine);
}

}  // namespace pollbus
