#pragma once

#include <google/iam/v1/iam_policy.grpc.pb.h>

#include <map>
#include <mutex>
#include <string>

#include "broker/service/broker.h"

namespace pollbus::broker {

// google.iam.v1.IAMPolicy for topics, subscriptions and snapshots: everybody may do everything.
// A policy that is set is given back as long as the process lives, and decides nothing.
class IamService final : public google::iam::v1::IAMPolicy::CallbackService {
 public:
  explicit IamService(Broker& broker) : broker_(broker) {}

  grpc::ServerUnaryReactor* SetIamPolicy(grpc::CallbackServerContext* context,
                                         const google::iam::v1::SetIamPolicyRequest* request,
                                         google::iam::v1::Policy* response) override;
  grpc::ServerUnaryReactor* GetIamPolicy(grpc::CallbackServerContext* context,
                                         const google::iam::v1::GetIamPolicyRequest* request,
                                         google::iam::v1::Policy* response) override;
  grpc::ServerUnaryReactor* TestIamPermissions(
      grpc::CallbackServerContext* context,
      const google::iam::v1::TestIamPermissionsRequest* request,
      google::iam::v1::TestIamPermissionsResponse* response) override;

 private:
  absl::Status check_exists(const std::string& resource);

  Broker& broker_;
  std::mutex mutex_;
  std::map<std::string, google::iam::v1::Policy> policies_;
  std::uint64_t changes_ = 0;
};

}  // namespace pollbus::broker
