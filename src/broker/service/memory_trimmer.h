#pragma once

#include <thread>

#include "base/clock.h"

namespace pollbus::broker {

// Gives memory that the process has freed back to the system, on a thread that ends with the
// returned object. glibc keeps what many short calls have used: after an attack of connections that
// open and reset streams, two gigabytes. Borrows `clock`.
std::jthread trim_memory(Clock& clock);

}  // namespace pollbus::broker
