#pragma once

// For tests of src/bus only.

#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bus/connection.h"

namespace pollbus {

namespace pubsub = google::pubsub::v1;

// A gRPC server of google.pubsub.v1 on a free loopback port that behaves as a test says, for
// trouble that a real server does not make on demand. Records the requests. Set the hooks before
// using it; they are called on gRPC's threads without a lock.
class FakeBus {
 public:
  using Stream =
      grpc::ServerReaderWriter<pubsub::StreamingPullResponse, pubsub::StreamingPullRequest>;

  std::function<grpc::Status(const pubsub::PublishRequest&, pubsub::PublishResponse*)> on_publish;
  std::function<grpc::Status(const pubsub::AcknowledgeRequest&)> on_acknowledge;
  std::function<grpc::Status(const pubsub::ModifyAckDeadlineRequest&)> on_modify;
  std::function<grpc::Status(const pubsub::Subscription&)> on_create_subscription;
  std::function<grpc::Status(pubsub::Subscription*)> on_get_subscription;
  // `number` counts the streams from 1.
  std::function<grpc::Status(int number, grpc::ServerContext&, Stream&)> on_stream;

  FakeBus() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(&publisher_);
    builder.RegisterService(&subscriber_);
    server_ = builder.BuildAndStart();
  }
  // Cancels the calls in progress.
  ~FakeBus() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  std::shared_ptr<Connection> connect() const {
    auto opened = Connection::open({.project = "p",
                                    .emulator_host = "127.0.0.1:" + std::to_string(port_),
                                    .credentials_file = ""});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *opened;
  }

  // A response with these messages; each one's ack id is its data.
  static pubsub::StreamingPullResponse response(const std::vector<std::string>& messages) {
    pubsub::StreamingPullResponse out;
    for (const std::string& data : messages) {
      auto& received = *out.add_received_messages();
      received.set_ack_id(data);
      received.mutable_message()->set_data(data);
      received.mutable_message()->set_message_id("id of " + data);
    }
    return out;
  }
  // Keeps a stream open until the client ends it.
  static grpc::Status keep_open(Stream& stream) {
    pubsub::StreamingPullRequest request;
    while (stream.Read(&request)) {
    }
    return grpc::Status::OK;
  }

  std::vector<std::string> acked() const { return copy(acked_); }
  std::vector<std::string> nacked() const { return copy(nacked_); }
  std::vector<std::string> extended() const { return copy(extended_); }
  int streams() const { return copy(streams_); }

  // Waits until `holds`, which is checked at each request. Returns false after a timeout.
  bool wait(const std::function<bool()>& holds) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::unique_lock lock(mutex_);
    while (true) {
      const int seen = events_;
      lock.unlock();
      if (holds()) return true;
      lock.lock();
      if (!changed_.wait_until(lock, deadline, [&] { return events_ != seen; })) return holds();
    }
  }
  // Makes wait() check its condition.
  void happened() const {
    const std::lock_guard lock(mutex_);
    ++events_;
    changed_.notify_all();
  }

 private:
  struct PublisherService final : pubsub::Publisher::Service {
    explicit PublisherService(FakeBus& owner) : bus(owner) {}
    grpc::Status Publish(grpc::ServerContext*, const pubsub::PublishRequest* request,
                         pubsub::PublishResponse* response) override {
      return bus.on_publish(*request, response);
    }
    FakeBus& bus;
  };

  struct SubscriberService final : pubsub::Subscriber::Service {
    explicit SubscriberService(FakeBus& owner) : bus(owner) {}
    grpc::Status Acknowledge(grpc::ServerContext*, const pubsub::AcknowledgeRequest* request,
                             google::protobuf::Empty*) override {
      auto status = bus.on_acknowledge ? bus.on_acknowledge(*request) : grpc::Status::OK;
      if (status.ok()) bus.keep(request->ack_ids(), &bus.acked_);
      return status;
    }
    grpc::Status ModifyAckDeadline(grpc::ServerContext*,
                                   const pubsub::ModifyAckDeadlineRequest* request,
                                   google::protobuf::Empty*) override {
      auto status = bus.on_modify ? bus.on_modify(*request) : grpc::Status::OK;
      const bool is_nack = request->ack_deadline_seconds() == 0;
      if (status.ok()) bus.keep(request->ack_ids(), is_nack ? &bus.nacked_ : &bus.extended_);
      return status;
    }
    grpc::Status GetSubscription(grpc::ServerContext*,
                                 const pubsub::GetSubscriptionRequest* request,
                                 pubsub::Subscription* response) override {
      response->set_name(request->subscription());
      return bus.on_get_subscription(response);
    }
    grpc::Status CreateSubscription(grpc::ServerContext*, const pubsub::Subscription* request,
                                    pubsub::Subscription*) override {
      return bus.on_create_subscription(*request);
    }
    grpc::Status StreamingPull(grpc::ServerContext* context, Stream* stream) override {
      int number = 0;
      {
        const std::lock_guard lock(bus.mutex_);
        number = ++bus.streams_;
      }
      bus.happened();
      return bus.on_stream(number, *context, *stream);
    }
    FakeBus& bus;
  };

  template <typename Ids>
  void keep(const Ids& ids, std::vector<std::string>* where) {
    {
      const std::lock_guard lock(mutex_);
      where->insert(where->end(), ids.begin(), ids.end());
    }
    happened();
  }
  template <typename Value>
  Value copy(const Value& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  PublisherService publisher_{*this};
  SubscriberService subscriber_{*this};
  int port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int events_ = 0;
  int streams_ = 0;
  std::vector<std::string> acked_;
  std::vector<std::string> nacked_;
  std::vector<std::string> extended_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace pollbus
