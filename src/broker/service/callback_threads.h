#pragma once

namespace pollbus::broker {

// From now on, one thread of this process waits for events and runs gRPC's callbacks, and another
// takes its place only when a callback takes long. Thread-safe.
//
// gRPC 1.51 starts at least two threads for callbacks, and has no setting for that. A thread that
// has received an event first wakes another one to wait for the next event, so that each event
// costs a change of threads, also when there is no processor left to gain.
void use_one_callback_thread();

}  // namespace pollbus::broker
