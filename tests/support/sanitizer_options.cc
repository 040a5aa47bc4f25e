// Options that the sanitizers read before main (asan_flags, tsan_flags and the format of the
// suppressions: https://github.com/google/sanitizers/wiki). Linked into every program of a
// sanitizer's preset; environment variables (TSAN_OPTIONS, …) are added.

// The sanitizers' runtimes define these names.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {

const char* __asan_default_options() {
  return "detect_leaks=1:halt_on_error=1:strict_string_checks=1";
}

const char* __ubsan_default_options() { return "halt_on_error=1:print_stacktrace=1"; }

// The system's libraries are not instrumented.
const char* __tsan_default_options() {
  return "halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1";
}

const char* __tsan_default_suppressions() {
  return R"(
# gRPC, protobuf and Abseil come from Debian, built without ThreadSanitizer: it sees what they do to
# memory, through its interceptors and where their headers are compiled into our code, but not the
# locks they hold meanwhile. What a callback of gRPC hands to the next one looks like a race, too:
# gRPC calls OnDone() after every other callback has returned, which it orders inside the library.
# Project code that runs without gRPC on the stack (core, broker, bus logic) is not suppressed.
called_from_lib:libgrpc.so
called_from_lib:libgrpc++.so
called_from_lib:libgpr.so
called_from_lib:libabsl_graphcycles_internal.so
race:grpc::
race:grpc_core::
race:grpc_event_engine::
race:libgrpc.so
race:libgrpc++.so
race:libabsl_
# The message that a stream reads into is filled on one thread of gRPC's and read on another, with
# nothing in between that ThreadSanitizer sees; nor can project code stand there. The generated code
# and protobuf's headers are all that these stacks show.
race:google::protobuf::
race:google::pubsub::v1::
# OpenSSL, below gRPC's TLS, is not instrumented either.
called_from_lib:libcrypto.so
called_from_lib:libssl.so
race:libcrypto.so
race:libssl.so
# gRPC's own threads outlive main.
thread:grpc_core::Thread
)";
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
