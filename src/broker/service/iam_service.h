#pragma once

#include <google/iam/v1/iam_policy.grpc.pb.h>

#include <map>
#include <mutex>
#include <string>

#include "broker/service/access.h"
#include "broker/service/broker.h"

namespace pollbus::broker {

// google.iam.v1.IAMPolicy for topics, subscriptions, snapshots and schemas. A policy decides
// nothing: it is kept only to be read again, until its resource is deleted or the process ends.
// Access decides who may do what. Thread-safe.
class IamService final : public google::iam::v1::IAMPolicy::CallbackService {
 public:
  // Borrows what it is given.
  IamService(Broker& broker, Access& access);

  // Must be called when a resource was deleted: another one may get its name.
  void forget(const std::string& resource);

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
  Access& access_;
  std::mutex mutex_;
  std::map<std::string, google::iam::v1::Policy> policies_;
  std::size_t policy_bytes_ = 0;  // of all of them, with their names
  std::uint64_t changes_ = 0;
};

}  // namespace pollbus::broker
