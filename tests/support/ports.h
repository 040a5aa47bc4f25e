#pragma once

namespace pollbus::testing {

// Returns a free TCP port of 127.0.0.1 that no other test on this computer gets while this process
// lives, so that a server can be stopped and started again on it. The port is below those that the
// kernel uses for outgoing connections. Thread-safe. Throws std::runtime_error if none is free.
int free_port();

}  // namespace pollbus::testing
