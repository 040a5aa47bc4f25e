#include "broker/service/access.h"

#include <grpc/grpc_security_constants.h>

#include <utility>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

constexpr std::chrono::seconds kLogInterval{10};

}  // namespace

Access::Access(std::optional<ClientTable> table, Clock& clock, prometheus::Registry& metrics)
    : table_(std::move(table)),
      clock_(clock),
      denied_(counter(metrics, "broker_denied_calls_total",
                      "Calls that the table of clients does not allow")) {}

Rights Access::rights_of(const grpc::ServerContextBase& context) const {
  if (!table_) return {};
  const auto names = context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (names.size() != 1) return table_->rights_of("");
  return table_->rights_of({names.front().data(), names.front().size()});
}

absl::Status Access::check_receiver(const Rights& rights, Broker& broker,
                                    const std::string& subscription) {
  if (!rights.is_limited()) return absl::OkStatus();
  RETURN_IF_ERROR(counted(rights.may_subscribe(subscription)));
  return counted(broker.with_core([&](Core& core) -> absl::Status {
    ASSIGN_OR_RETURN(const SubscriptionConfig* stored, core.subscription(subscription));
    return rights.may_receive(stored->name, stored->topic, stored->filter.text());
  }));
}

absl::Status Access::counted(const absl::Status& status) {
  if (!absl::IsPermissionDenied(status)) return status;
  denied_.Increment();
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.now();
  if (logged_ && now - *logged_ < kLogInterval) return status;
  logged_ = now;
  log_warning("a call was denied",
              {{"reason", status}, {"denied", static_cast<std::int64_t>(denied_.Value())}});
  return status;
}

}  // namespace pollbus::broker
