#include "broker/service/ack_ids.h"

#include <google/rpc/error_details.pb.h>

#include "broker/service/grpc_status.h"

namespace pollbus::broker {
namespace {

constexpr char kReason[] = "EXACTLY_ONCE_ACKID_FAILURE";
constexpr char kDomain[] = "pubsub.googleapis.com";
constexpr char kInvalid[] = "PERMANENT_FAILURE_INVALID_ACK_ID";
constexpr char kUnordered[] = "TRANSIENT_FAILURE_UNORDERED_ACK_ID";

}  // namespace

absl::Status exactly_once_status(const AckIdTexts& texts, std::span<const AckOutcome> outcomes) {
  google::rpc::ErrorInfo info;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == AckOutcome::kAccepted) continue;
    (*info.mutable_metadata())[texts.Get(static_cast<int>(i))] =
        outcomes[i] == AckOutcome::kUnordered ? kUnordered : kInvalid;
  }
  if (info.metadata().empty()) return absl::OkStatus();
  info.set_reason(kReason);
  info.set_domain(kDomain);
  absl::Status status = absl::InvalidArgumentError(
      "Some acknowledgement ids in the request were invalid. This could be because the "
      "acknowledgement ids have expired or the acknowledgement ids were malformed.");
  status.SetPayload(kErrorInfoUrl, absl::Cord(info.SerializeAsString()));
  return status;
}

}  // namespace pollbus::broker
