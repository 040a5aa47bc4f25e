#include "broker/rest/rest_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <utility>

#include "broker/rest/newcomer.h"
#include "broker/rest/rest_state.h"
#include "broker/rest/tls_context.h"

namespace pollbus::broker {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using Tcp = net::ip::tcp;

constexpr std::size_t kMaxThreads = 4;

}  // namespace

struct RestServer::Parts {
  Parts(const RestOptions& options, prometheus::Registry& metrics) : state(options, metrics) {}

  RestState state;
  std::optional<net::executor_work_guard<net::io_context::executor_type>> work;
  std::vector<std::jthread> threads;
};

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::create(const RestOptions& options,
                                                               prometheus::Registry& metrics) {
  auto parts = std::make_unique<Parts>(options, metrics);
  if (options.tls) {
    parts->state.tls.emplace(net::ssl::context::tls_server);
    const absl::Status status = set_up(*options.tls, &*parts->state.tls);
    if (!status.ok()) return status;
  }
  return std::unique_ptr<RestServer>(new RestServer(std::move(parts)));
}

RestServer::RestServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

RestServer::~RestServer() { stop(); }

void RestServer::start(std::shared_ptr<grpc::Channel> channel, Identify identify, ToGrpc to_grpc,
                       std::optional<RestPages> pages) {
  RestState& state = parts_->state;
  state.stub = std::make_unique<grpc::GenericStub>(std::move(channel));
  state.identify = std::move(identify);
  state.to_grpc = std::move(to_grpc);
  state.pages = std::move(pages);
  parts_->work.emplace(state.io.get_executor());
  const std::size_t threads =
      std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
  for (std::size_t i = 0; i < threads; ++i) {
    parts_->threads.emplace_back([&state] { state.io.run(); });
  }
}

void RestServer::accept(int descriptor) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size);
  Tcp::socket socket(net::make_strand(parts_->state.io));
  error_code error;
  socket.assign(name.ss_family == AF_INET ? Tcp::v4() : Tcp::v6(), descriptor, error);
  if (error) {
    ::close(descriptor);
    return;
  }
  const auto executor = socket.get_executor();
  net::post(executor, [socket = std::move(socket), state = &parts_->state]() mutable {
    welcome(std::move(socket), state);
  });
}

void RestServer::drain(std::chrono::milliseconds longest) {
  parts_->state.is_draining = true;
  parts_->state.exchanges.wait_for(longest);
}

void RestServer::stop() {
  parts_->state.calls.wait();
  parts_->work.reset();
  parts_->state.io.stop();
  parts_->threads.clear();
}

}  // namespace pollbus::broker
