#pragma once

// Inside src/bus only.

#include <grpcpp/completion_queue.h>

#include <memory>
#include <thread>

namespace pollbus {

// What follows when an operation of gRPC has ended: its tag.
class Completion {
 public:
  virtual ~Completion() = default;
  // Called on the CompletionThread, so it must neither block nor wait for another operation. For
  // `ok` see grpc::CompletionQueue::Next(). May destroy this object.
  virtual void done(bool ok) = 0;
};

// The thread that waits for the network and calls Completion::done() of each operation that has
// ended. All connections of a process share it: each event of a gRPC connection is received by one
// of the threads that wait in the process, which wakes the one that has asked for it. gRPC's own
// threads for callbacks wake each other for every event, too. Thread-safe.
class CompletionThread {
 public:
  // This process's thread, which ends with its last user. Must not be released on the thread
  // itself.
  static std::shared_ptr<CompletionThread> shared();
  // No operation may be in progress.
  ~CompletionThread();

  // The tags of its operations are Completions, which must live until they are done.
  grpc::CompletionQueue& queue() { return queue_; }

 private:
  CompletionThread();
  void run();

  grpc::CompletionQueue queue_;
  std::thread thread_;
};

}  // namespace pollbus
