#include "faults/sim/key_ring.h"

#include <string>

namespace pollbus::faults {
namespace {

HashKey key(char digit) { return HashKey::parse(std::string(64, digit)).value(); }

RotatingKey rotating(char old_digit, char new_digit, KeyRing::Step step) {
  switch (step) {
    case KeyRing::Step::kOld:
      break;
    case KeyRing::Step::kBothAccepted:
      return {.current = key(old_digit), .previous = key(new_digit)};
    case KeyRing::Step::kNew:
      return {.current = key(new_digit), .previous = key(old_digit)};
  }
  return {.current = key(old_digit), .previous = {}};
}

}  // namespace

ServiceKeys KeyRing::services() const {
  if (!has_keys_) return {};
  return {.submit = rotating('a', 'd', step_),
          .record = rotating('b', 'e', step_),
          .result = rotating('c', 'f', step_)};
}

MachineKeys KeyRing::machine(std::int64_t id) const {
  if (!has_keys_) return {};
  const ServiceKeys keys = services();
  return {.submit = derive_key(*keys.submit, KeyUse::kSubmit, id),
          .result = derive_key(*keys.result, KeyUse::kResult, id)};
}

}  // namespace pollbus::faults
