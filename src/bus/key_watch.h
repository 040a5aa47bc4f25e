#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/readiness.h"

namespace pollbus {

// Tells a key that does not fit the senders' keys from single forgeries: the process becomes not
// ready when at least kLeastFailures messages of one kind failed their authentication over at least
// kPatience and none passed, and ready again when one passes. Not thread-safe.
class KeyWatch {
 public:
  static constexpr std::chrono::seconds kPatience{10};
  static constexpr int kLeastFailures = 5;

  // `key`: the setting that must fit ("SUBMIT_KEY"), which names the part of the readiness.
  // `messages`: what is received ("submit vote").
  KeyWatch(std::string key, std::string messages, Clock& clock, Readiness& readiness);

  void passed();
  void failed();

 private:
  const std::string key_;
  const std::string messages_;
  Clock& clock_;
  Readiness& readiness_;
  int failures_ = 0;  // since the last message that passed
  SteadyTime first_failure_;
};

}  // namespace pollbus
