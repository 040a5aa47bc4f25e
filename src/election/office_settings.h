#pragma once

#include <optional>
#include <string>

#include "base/settings.h"
#include "election/signature.h"

namespace pollbus {

// The settings of a service that carries out the office's commands: the subscription that they come
// through, and the key that verifies them.
class OfficeSettings {
 public:
  // `help`: what the subscription is.
  OfficeSettings(std::string subscription, std::string help);

  // Must outlive settings.parse().
  void add_to(Settings& settings);

  const std::string& subscription() const { return subscription_; }
  // Absent without a value: no command is accepted then. Call after parse() only, which checks the
  // value.
  std::optional<OfficePublicKey> public_key() const;

 private:
  std::string subscription_;
  std::string help_;
  std::string public_key_;
};

}  // namespace pollbus
