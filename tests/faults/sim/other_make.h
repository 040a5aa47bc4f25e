#pragma once

#include <cstdint>

#include "base/message.h"
#include "election/message_keys.h"

namespace pollbus::faults {

// Adds the MAC of a machine's vote as a program of another make does: written from
// docs/wire-format.md, without the code of the services. Nothing if `keys` has none.
void authenticate_as_other_make(const ServiceKeys& keys, std::int64_t machine, Message* vote);

}  // namespace pollbus::faults
