#include "bus/channel_watch.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace pollbus {
namespace {

using namespace std::chrono_literals;

class ChannelWatchTest : public ::testing::Test {
 protected:
  // A server without services, on a port that is free or was its own before.
  void serve() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                             grpc::InsecureServerCredentials(), &port_);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void stop_serving() {
    server_->Shutdown(std::chrono::system_clock::now());
    queue_->Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) continue;
    server_.reset();
  }
  std::shared_ptr<grpc::Channel> channel() {
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(port_),
                               grpc::InsecureChannelCredentials());
  }

  int port_ = 0;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ChannelWatchTest, WaitsUntilTheChannelIsConnected) {
  serve();
  ChannelWatch watch;
  auto to_server = channel();
  watch.wait_until_ready(*to_server, 30s);
  EXPECT_EQ(to_server->GetState(false), GRPC_CHANNEL_READY);
  to_server.reset();
  stop_serving();
}

TEST_F(ChannelWatchTest, GivesUpAfterItsTimeAndNoticesAServerThatComesLater) {
  serve();
  stop_serving();
  ChannelWatch watch;
  auto to_server = channel();
  const auto begin = std::chrono::steady_clock::now();
  watch.wait_until_ready(*to_server, 100ms);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 90ms);
  EXPECT_NE(to_server->GetState(false), GRPC_CHANNEL_READY);
  serve();
  grpc::experimental::ChannelResetConnectionBackoff(to_server.get());
  watch.wait_until_ready(*to_server, 30s);
  EXPECT_EQ(to_server->GetState(false), GRPC_CHANNEL_READY);
  to_server.reset();
  stop_serving();
}

TEST_F(ChannelWatchTest, ThreadsMayWaitTogether) {
  serve();
  ChannelWatch watch;
  auto to_server = channel();
  std::jthread other([&] { watch.wait_until_ready(*to_server, 30s); });
  watch.wait_until_ready(*to_server, 30s);
  other.join();
  EXPECT_EQ(to_server->GetState(false), GRPC_CHANNEL_READY);
  to_server.reset();
  stop_serving();
}

}  // namespace
}  // namespace pollbus
