#include "broker/service/iam_service.h"

#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/unary.h"

namespace pollbus::broker {
namespace {

namespace iam = google::iam::v1;

constexpr std::size_t kMaxPolicies = 10'000;
// The etag of a resource whose policy nobody has set.
const std::string kNoPolicy = "0";

}  // namespace

absl::Status IamService::check_exists(const std::string& resource) {
  return broker_.with_core([&](Core& core) -> absl::Status {
    if (check_topic_name(resource).ok()) return core.topic(resource).status();
    if (check_subscription_name(resource).ok()) return core.subscription(resource).status();
    RETURN_IF_ERROR(check_snapshot_name(resource));
    return core.retention().snapshot(resource).status();
  });
}

grpc::ServerUnaryReactor* IamService::SetIamPolicy(grpc::CallbackServerContext* context,
                                                   const iam::SetIamPolicyRequest* request,
                                                   iam::Policy* response) {
  return answer(context, [&]() -> absl::Status {
    RETURN_IF_ERROR(check_exists(request->resource()));
    const std::lock_guard lock(mutex_);
    if (policies_.size() >= kMaxPolicies && !policies_.contains(request->resource())) {
      return absl::ResourceExhaustedError("Too many policies were set.");
    }
    const auto found = policies_.find(request->resource());
    const std::string& etag = request->policy().etag();
    if (!etag.empty() && etag != (found == policies_.end() ? kNoPolicy : found->second.etag())) {
      return absl::AbortedError(
          "There were concurrent policy changes. Please retry the whole read-modify-write with "
          "exponential backoff.");
    }
    iam::Policy& policy = policies_[request->resource()];
    policy = request->policy();
    policy.set_etag(std::to_string(++changes_));
    *response = policy;
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* IamService::GetIamPolicy(grpc::CallbackServerContext* context,
                                                   const iam::GetIamPolicyRequest* request,
                                                   iam::Policy* response) {
  return answer(context, [&]() -> absl::Status {
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
    const absl::Status status = check_exists(request->resource());
    // Of what is not there nobody has a permission, and that is no error.
    if (absl::IsNotFound(status)) return absl::OkStatus();
    RETURN_IF_ERROR(status);
    *response->mutable_permissions() = request->permissions();
    return absl::OkStatus();
  });
}

}  // namespace pollbus::broker
