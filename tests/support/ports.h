#pragma once

namespace pollbus::testing {

// A TCP port of 127.0.0.1 on which nobody listens, and which no other test on this machine is
// handed while this process lives: a server can be stopped and started again on it. It lies below
// the ports that the kernel gives to outgoing connections, so that none of them takes it meanwhile.
// Thread-safe. Throws std::runtime_error when there is none.
int free_port();

}  // namespace pollbus::testing
