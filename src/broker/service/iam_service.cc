#include "broker/service/iam_service.h"

#include <fmt/format.h>

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/bounded_method.h"
#include "broker/service/unary.h"

namespace pollbus::broker {
namespace {

namespace iam = google::iam::v1;

constexpr std::size_t kMaxPolicyBytes = 64 << 10;
constexpr std::size_t kMaxAllPoliciesBytes = 16 << 20;
// What a stored policy takes besides its fields.
constexpr std::size_t kPolicyOverheadBytes = 200;
// The etag of a resource whose policy was never set.
const std::string kNoPolicy = "0";

std::size_t bytes_of(const std::string& resource, const iam::Policy& policy) {
  return resource.size() + policy.ByteSizeLong() + kPolicyOverheadBytes;
}

}  // namespace

IamService::IamService(Broker& broker, Access& access) : broker_(broker), access_(access) {
  const auto bound = [this](const char* name, auto method) {
    MarkMethodCallback(index_of_method(iam::IAMPolicy::service_full_name(), name),
                       bounded(this, method));
  };
  bound("SetIamPolicy", &IamService::SetIamPolicy);
  bound("GetIamPolicy", &IamService::GetIamPolicy);
  bound("TestIamPermissions", &IamService::TestIamPermissions);
}

void IamService::forget(const std::string& resource) {
  const std::lock_guard lock(mutex_);
  const auto found = policies_.find(resource);
  if (found == policies_.end()) return;
  policy_bytes_ -= bytes_of(resource, found->second);
  policies_.erase(found);
}

absl::Status IamService::check_exists(const std::string& resource) {
  return broker_.with_core([&](Core& core) -> absl::Status {
    if (check_topic_name(resource).ok()) return core.topic(resource).status();
    if (check_subscription_name(resource).ok()) return core.subscription(resource).status();
    if (check_schema_name(resource).ok()) {
      return core.schemas().contains(resource) ? absl::OkStatus() : not_found(resource);
    }
    RETURN_IF_ERROR(check_snapshot_name(resource));
    return core.retention().snapshot(resource).status();
  });
}

grpc::ServerUnaryReactor* IamService::SetIamPolicy(grpc::CallbackServerContext* context,
                                                   const iam::SetIamPolicyRequest* request,
                                                   iam::Policy* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "set policies"));
    RETURN_IF_ERROR(check_exists(request->resource()));
    if (request->policy().ByteSizeLong() > kMaxPolicyBytes) {
      return absl::InvalidArgumentError(
          fmt::format("The policy is too large: it may have {} bytes.", kMaxPolicyBytes));
    }
    const std::lock_guard lock(mutex_);
    const auto found = policies_.find(request->resource());
    const std::string& etag = request->policy().etag();
    if (!etag.empty() && etag != (found == policies_.end() ? kNoPolicy : found->second.etag())) {
      return absl::AbortedError(
          "There were concurrent policy changes. Please retry the whole read-modify-write with "
          "exponential backoff.");
    }
    iam::Policy policy = request->policy();
    policy.set_etag(std::to_string(changes_ + 1));
    const std::size_t freed =
        found == policies_.end() ? 0 : bytes_of(request->resource(), found->second);
    const std::size_t wanted = policy_bytes_ - freed + bytes_of(request->resource(), policy);
    if (wanted > kMaxAllPoliciesBytes) {
      return absl::ResourceExhaustedError("The policies of all resources take too much memory.");
    }
    policy_bytes_ = wanted;
    ++changes_;
    policies_[request->resource()] = policy;
    *response = policy;
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* IamService::GetIamPolicy(grpc::CallbackServerContext* context,
                                                   const iam::GetIamPolicyRequest* request,
                                                   iam::Policy* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "read policies"));
    RETURN_IF_ERROR(check_exists(request->resource()));
    const std::lock_guard lock(mutex_);
    const auto found = policies_.find(request->resource());
    if (found != policies_.end()) *response = found->second;
    if (response->etag().empty()) response->set_etag(kNoPolicy);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* IamService::TestIamPermissions(
    grpc::CallbackServerContext* context, const iam::TestIamPermissionsRequest* request,
    iam::TestIamPermissionsResponse* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(access_.check(*context, &Rights::may_administer, "test permissions"));
    const absl::Status status = check_exists(request->resource());
    // A resource that does not exist gives no permissions, which is not an error.
    if (absl::IsNotFound(status)) return absl::OkStatus();
    RETURN_IF_ERROR(status);
    *response->mutable_permissions() = request->permissions();
    return absl::OkStatus();
  });
}

}  // namespace pollbus::broker
