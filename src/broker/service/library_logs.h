#pragma once

namespace pollbus::broker {

// Sends what gRPC and protobuf would print to standard error to this process's log instead. Their
// errors are mostly about what a client has sent, so a hostile client could fill the disk with
// them: at most one in ten seconds is logged as a warning, and the others at the level debug. Call
// it before the first use of gRPC.
void log_libraries();

}  // namespace pollbus::broker
