#include "bus/publisher.h"

#include <condition_variable>
#include <list>
#include <mutex>

#include "base/status.h"
#include "bus/stubs.h"

namespace pollbus {
namespace {

using google::pubsub::v1::PublishRequest;
using google::pubsub::v1::PublishResponse;

// https://cloud.google.com/pubsub/quotas#resource_limits: 1,000 messages and 10 MB per
// request. The overhead of a message is estimated generously.
constexpr std::size_t kMaxRequestMessages = 1'000;
constexpr std::size_t kMaxRequestBytes = 9'500'000;
constexpr std::size_t kMessageOverheadBytes = 32;
constexpr std::chrono::milliseconds kPublishTimeout{10'000};

struct Call {
  grpc::ClientContext context;
  PublishRequest request;
  PublishResponse response;
  grpc::Status status;
};

std::size_t size_of(const Message& message) {
  std::size_t bytes = kMessageOverheadBytes + message.data.size();
  for (const auto& [key, value] : message.attributes)
    bytes += key.size() + value.size() + kMessageOverheadBytes;
  return bytes;
}

std::list<Call> split(const std::string& topic, std::span<const Message> batch) {
  std::list<Call> calls;
  std::size_t bytes = 0;
  for (const Message& message : batch) {
    const std::size_t size = size_of(message);
    const bool full =
        !calls.empty() &&
        (static_cast<std::size_t>(calls.back().request.messages_size()) == kMaxRequestMessages ||
         bytes + size > kMaxRequestBytes);
    if (calls.empty() || full) {
      calls.emplace_back().request.set_topic(topic);
      bytes = 0;
    }
    bytes += size;
    auto& added = *calls.back().request.add_messages();
    added.set_data(message.data);
    added.mutable_attributes()->insert(message.attributes.begin(), message.attributes.end());
  }
  return calls;
}

class GrpcPublisher final : public Publisher {
 public:
  GrpcPublisher(std::shared_ptr<Connection> connection, std::string topic)
      : connection_(std::move(connection)), topic_(std::move(topic)) {}

  absl::StatusOr<std::vector<std::string>> publish(std::span<const Message> batch,
                                                   std::stop_token stop) override {
    std::list<Call> calls = split(topic_, batch);
    {
      const std::stop_callback cancel(stop, [&calls] {
        for (Call& call : calls) call.context.TryCancel();
      });
      run(calls);
    }
    std::vector<std::string> ids;
    ids.reserve(batch.size());
    for (Call& call : calls) {
      if (!call.status.ok()) {
        if (call.status.error_code() == grpc::StatusCode::UNAVAILABLE) connection_->connect_again();
        return annotate(to_absl(call.status), "publish to " + topic_);
      }
      if (call.response.message_ids_size() != call.request.messages_size()) {
        return absl::InternalError("publish to " + topic_ +
                                   ": the server did not answer for every message");
      }
      for (std::string& id : *call.response.mutable_message_ids()) ids.push_back(std::move(id));
    }
    return ids;
  }

 private:
  // Runs all calls concurrently and returns when the last has ended.
  void run(std::list<Call>& calls) {
    auto& stub = *connection_->stubs().publisher;
    for (Call& call : calls) set_timeout(call.context, kPublishTimeout);
    if (calls.size() == 1) {
      Call& only = calls.front();
      only.status = stub.Publish(&only.context, only.request, &only.response);
      return;
    }
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t running = calls.size();
    for (Call& call : calls) {
      stub.async()->Publish(&call.context, &call.request, &call.response, [&](grpc::Status status) {
        const std::lock_guard lock(mutex);
        call.status = std::move(status);
        --running;
        // Under the lock: once it is released, the waiter may destroy the condition.
        ended.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return running == 0; });
  }

  std::shared_ptr<Connection> connection_;
  std::string topic_;
};

}  // namespace

std::unique_ptr<Publisher> make_publisher(std::shared_ptr<Connection> connection,
                                          std::string topic) {
  return std::make_unique<GrpcPublisher>(std::move(connection), std::move(topic));
}

}  // namespace pollbus
