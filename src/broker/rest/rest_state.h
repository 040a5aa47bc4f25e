#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <prometheus/counter.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "base/metrics.h"
#include "broker/rest/connection_sorter.h"
#include "broker/rest/memory_budget.h"
#include "broker/rest/rest_server.h"
#include "broker/rest/transcoder.h"

namespace pollbus::broker {

// Counts what is going on, and waits for its end. Thread-safe.
class Tally {
 public:
  void enter() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }
  void wait_for(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, longest, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

// What all connections share.
struct RestState {
  RestState(const RestOptions& options, prometheus::Registry& metrics)
      : timeouts(options.timeouts),
        memory(options.max_memory),
        transcoder(options.services),
        sorter(options.tls.has_value()),
        requests(counter(metrics, "broker_rest_requests_total", "Requests of REST")),
        malformed(counter(metrics, "broker_malformed_http_requests_total",
                          "Requests of REST that are not valid HTTP, and whose connections were "
                          "closed")) {}

  const RestTimeouts timeouts;
  MemoryBudget memory;
  std::optional<boost::asio::ssl::context> tls;
  const Transcoder transcoder;
  const ConnectionSorter sorter;
  Tally calls;      // of gRPC
  Tally exchanges;  // requests that are not answered yet
  std::atomic<bool> is_draining = false;
  std::unique_ptr<grpc::GenericStub> stub;
  RestServer::Identify identify;
  RestServer::ToGrpc to_grpc;
  std::optional<RestPages> pages;
  prometheus::Counter& requests;
  prometheus::Counter& malformed;
  boost::asio::io_context io;  // last: the connections in it use all of the above
};

}  // namespace pollbus::broker
