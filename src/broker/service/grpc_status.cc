#include "broker/service/grpc_status.h"

#include <google/rpc/status.pb.h>

#include <string>

namespace pollbus::broker {

grpc::Status to_grpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());
  const auto info = status.GetPayload(kErrorInfoUrl);
  if (!info) return {code, message};
  google::rpc::Status details;
  details.set_code(static_cast<int>(code));
  details.set_message(message);
  auto* const detail = details.add_details();
  detail->set_type_url(kErrorInfoUrl);
  detail->set_value(std::string(*info));
  return {code, message, details.SerializeAsString()};
}

}  // namespace pollbus::broker
