#include "bus/completion_thread.h"

#include <mutex>

namespace pollbus {

std::shared_ptr<CompletionThread> CompletionThread::shared() {
  static std::mutex mutex;
  static std::weak_ptr<CompletionThread> current;
  const std::lock_guard lock(mutex);
  auto thread = current.lock();
  if (thread == nullptr) {
    thread.reset(new CompletionThread);
    current = thread;
  }
  return thread;
}

CompletionThread::CompletionThread() : thread_([this] { run(); }) {}

CompletionThread::~CompletionThread() {
  queue_.Shutdown();
  thread_.join();
}

void CompletionThread::run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) static_cast<Completion*>(tag)->done(ok);
}

}  // namespace pollbus
