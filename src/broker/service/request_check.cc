#include "broker/service/request_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace pollbus::broker {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

constexpr std::array<std::string_view, 3> kParseTheirOwnRequests{
    "/google.pubsub.v1.Publisher/Publish", "/google.pubsub.v1.Subscriber/Pull",
    "/google.pubsub.v1.Subscriber/StreamingPull"};

class RequestCheck final : public grpc::experimental::Interceptor {
 public:
  explicit RequestCheck(const char* method) : method_(method) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      is_malformed_ = methods->GetRecvMessage() == nullptr;
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = methods->GetSendStatus();
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED &&
          status.error_message().empty()) {
        methods->ModifySendStatus(explained());
      }
    }
    methods->Proceed();
  }

 private:
  grpc::Status explained() const {
    if (is_malformed_) {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              fmt::format("The request is not a valid message of {}, or has too many values.",
                          method_)};
    }
    return {grpc::StatusCode::UNIMPLEMENTED,
            fmt::format("{} is not implemented by pubsub-broker.", method_)};
  }

  const char* const method_;  // lives as long as the server
  bool is_malformed_ = false;
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    const std::string_view method = info->method();
    const bool is_left_out =
        std::ranges::find(kParseTheirOwnRequests, method) != kParseTheirOwnRequests.end();
    return is_left_out ? nullptr : new RequestCheck(info->method());
  }
};

}  // namespace

std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
request_check_interceptors() {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>());
  return factories;
}

}  // namespace pollbus::broker
