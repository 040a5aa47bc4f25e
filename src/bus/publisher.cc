#include "bus/publisher.h"

#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/rpc_method.h>

#include <condition_variable>
#include <list>
#include <mutex>

#include "base/status.h"
#include "bus/pubsub_codec.h"
#include "bus/stubs.h"

namespace pollbus {
namespace {

// https://cloud.google.com/pubsub/quotas#resource_limits: 1,000 messages and 10 MB per
// request. The overhead of a message is estimated generously.
constexpr std::size_t kMaxRequestMessages = 1'000;
constexpr std::size_t kMaxRequestBytes = 9'500'000;
constexpr std::size_t kMessageOverheadBytes = 32;
constexpr std::chrono::milliseconds kPublishTimeout{10'000};

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  std::size_t messages = 0;
  grpc::ByteBuffer response;
  grpc::Status status;
};

std::size_t size_of(const Message& message) {
  std::size_t bytes = kMessageOverheadBytes + message.data.size();
  for (const auto& [key, value] : message.attributes)
    bytes += key.size() + value.size() + kMessageOverheadBytes;
  return bytes;
}

void add_call(const std::string& topic, std::span<const Message> messages, std::size_t bytes,
              std::list<Call>* calls) {
  PublishRequestWriter request(topic, bytes);
  for (const Message& message : messages) request.add(message);
  Call& call = calls->emplace_back();
  call.request = request.take();
  call.messages = messages.size();
}

std::list<Call> split(const std::string& topic, std::span<const Message> batch) {
  std::list<Call> calls;
  std::size_t first = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t size = size_of(batch[i]);
    if (i > first && (i - first == kMaxRequestMessages || bytes + size > kMaxRequestBytes)) {
      add_call(topic, batch.subspan(first, i - first), bytes, &calls);
      first = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (!batch.empty()) add_call(topic, batch.subspan(first), bytes, &calls);
  return calls;
}

// A server that refuses a message may quote it, and a vote must not get into a log.
absl::Status without_quotes(const absl::Status& error) {
  if (!is_refused(error)) return error;
  return {error.code(), "the server refuses a message"};
}

class GrpcPublisher final : public Publisher {
 public:
  GrpcPublisher(std::shared_ptr<Connection> connection, std::string topic)
      : connection_(std::move(connection)), topic_(std::move(topic)) {}

  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    std::list<Call> calls = split(topic_, batch);
    {
      const std::stop_callback cancel(stop, [&calls] {
        for (Call& call : calls) call.context.TryCancel();
      });
      run(calls);
    }
    for (const Call& call : calls) {
      if (!call.status.ok()) {
        if (call.status.error_code() == grpc::StatusCode::UNAVAILABLE) connection_->connect_again();
        return annotate(without_quotes(to_absl(call.status)), "publish to " + topic_);
      }
      if (count_published(call.response) != call.messages) {
        return absl::InternalError("publish to " + topic_ +
                                   ": the server did not answer for every message");
      }
    }
    return absl::OkStatus();
  }

 private:
  // Runs all calls concurrently and returns when the last has ended.
  void run(std::list<Call>& calls) {
    const Connection::Stubs& stubs = connection_->stubs();
    for (Call& call : calls) set_timeout(call.context, kPublishTimeout);
    if (calls.size() == 1) {
      Call& only = calls.front();
      only.status = grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
          stubs.channel.get(),
          grpc::internal::RpcMethod(kPublishMethod, grpc::internal::RpcMethod::NORMAL_RPC,
                                    stubs.channel),
          &only.context, only.request, &only.response);
      return;
    }
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t running = calls.size();
    for (Call& call : calls) {
      stubs.raw->UnaryCall(&call.context, kPublishMethod, {}, &call.request, &call.response,
                           [&](grpc::Status status) {
                             const std::lock_guard lock(mutex);
                             call.status = std::move(status);
                             --running;
                             // Under the lock: once it is released, the waiter may destroy the
                             // condition.
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
