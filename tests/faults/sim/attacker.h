#pragma once

#include "faults/sim/services.h"

namespace pollbus::faults {

// Hears every message and publishes forged ones: without a MAC, with the MAC of another message,
// with one made with the keys of a machine that it has taken over. Now and then it repeats a
// genuine message.
void run_attacker(Surroundings& around, Process& process, int count);

}  // namespace pollbus::faults
