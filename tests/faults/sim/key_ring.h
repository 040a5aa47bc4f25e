#pragma once

#include <cstdint>

#include "election/message_keys.h"

namespace pollbus::faults {

// The keys that the processes of one election are started with. They change in two steps: first
// every process accepts the new keys, then every process uses them.
class KeyRing {
 public:
  enum class Step { kOld, kBothAccepted, kNew };

  // Without keys, every message is accepted.
  explicit KeyRing(bool has_keys) : has_keys_(has_keys) {}

  bool has_keys() const { return has_keys_; }
  Step step() const { return step_; }
  void go_on() { step_ = step_ == Step::kOld ? Step::kBothAccepted : Step::kNew; }

  ServiceKeys services() const;
  MachineKeys machine(std::int64_t id) const;

 private:
  bool has_keys_;
  Step step_ = Step::kOld;
};

}  // namespace pollbus::faults
