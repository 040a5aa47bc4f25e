#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/message.h"
#include "election/authentication.h"

// Whole messages with the MACs of authentication.h: which key a message needs follows from its
// attributes. Pure functions; thread-safe.
namespace pollbus {

// The keys of a logger (all of them) or of a recorder (record and result). A program without any
// key sends no MAC and accepts every message.
struct ServiceKeys {
  std::optional<RotatingKey> submit;
  std::optional<RotatingKey> record;
  std::optional<RotatingKey> result;

  bool empty() const { return !submit && !record && !result; }
};

// The keys of one machine: the ones derived from SUBMIT_KEY and RESULT_KEY with its ID.
struct MachineKeys {
  std::optional<RotatingKey> submit;
  std::optional<RotatingKey> result;

  bool empty() const { return !submit && !result; }
};

// Keys that were derived earlier, so that a service derives the key of a machine once and not for
// each message. Holds at most kMaxMachines keys for votes and as many for results. Belongs to one
// ServiceKeys. Not thread-safe.
class DerivedKeys {
 public:
  static constexpr std::size_t kMaxMachines = 1'000;

  // `machine`: its ID in decimal digits without leading zeros; nullptr if it is anything else.
  const RotatingKey* of_machine(const RotatingKey& main, KeyUse use, std::string_view machine);
  const RotatingKey& of_office(const RotatingKey& main);

 private:
  using ByMachine = std::map<std::string, RotatingKey, std::less<>>;
  ByMachine submit_;
  ByMachine result_;
  std::optional<RotatingKey> office_;
};

// Add to each message the MAC that its receiver expects: to votes to record, results and office
// answers; to a machine's votes and questions, and to these also its ID. Without keys they change
// nothing.
void authenticate(const ServiceKeys& keys, std::span<Message> messages, DerivedKeys* derived);
inline void authenticate(const ServiceKeys& keys, std::span<Message> messages) {
  DerivedKeys derived;
  authenticate(keys, messages, &derived);
}
void authenticate(const MachineKeys& keys, std::int64_t machine, std::span<Message> messages);

// Whether the message comes from a holder of its key. A service asks this about submitted votes,
// votes to record and questions of machines; a machine about results to itself. True without keys.
bool is_authentic(const ServiceKeys& keys, const ReceivedMessage& message, DerivedKeys* derived);
inline bool is_authentic(const ServiceKeys& keys, const ReceivedMessage& message) {
  DerivedKeys derived;
  return is_authentic(keys, message, &derived);
}
bool is_authentic(const MachineKeys& keys, std::int64_t machine, const ReceivedMessage& message);
// Whether an office answer comes from a holder of RESULT_KEY. `key`: the office's derived key.
bool is_authentic_office_answer(const RotatingKey& key, const ReceivedMessage& message);

// Whether an authentic message may speak for the machine that its data names: it carries a MAC of
// that machine. True without keys.
bool speaks_for(const ServiceKeys& keys, const ReceivedMessage& message, std::int64_t machine);

}  // namespace pollbus
