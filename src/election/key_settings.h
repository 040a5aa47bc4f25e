#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/secret.h"
#include "base/settings.h"
#include "election/message_keys.h"

namespace pollbus {

// A warning for a program that starts without keys.
inline constexpr char kNoKeysWarning[] =
    "no keys are configured: whoever can publish to the topic can cast votes and send results "
    "(docs/security.md)";

// The settings of a program's keys for MACs: each is a secret NAME, and NAME_PREVIOUS for the
// second key that is accepted during a rotation. All of the program's keys are configured or none.
class KeySettings {
 public:
  // The keys of each kind of program.
  static KeySettings of_logger();
  static KeySettings of_recorder();
  static KeySettings of_machine();

  // Must outlive settings.parse().
  void add_to(Settings& settings);

  // Absent without a value. Call after parse() only, which checks the values.
  std::optional<RotatingKey> key(const std::string& name) const;
  ServiceKeys service_keys() const;
  MachineKeys machine_keys() const;

 private:
  struct Key {
    std::string help;
    bool is_given = false;  // also if its value is wrong
    Secret current;
    Secret previous;
  };

  explicit KeySettings(std::map<std::string, Key> keys) : keys_(std::move(keys)) {}
  std::optional<std::string> problem() const;

  std::map<std::string, Key> keys_;  // by name
};

}  // namespace pollbus
