#include "broker/service/access.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"

namespace pollbus::broker {
namespace {

constexpr std::chrono::seconds kLogInterval{10};
// The metadata of calls that this process makes to itself. A name is binary, because it may have
// any characters.
constexpr char kKey[] = "pollbus-caller-key";
constexpr char kName[] = "pollbus-caller-name-bin";
constexpr char kIsBroker[] = "pollbus-caller-is-broker";

std::string random_key() {
  std::random_device random;
  std::string key;
  for (int i = 0; i < 4; ++i) key += fmt::format("{:08x}", random());
  return key;
}

std::string_view view(const grpc::string_ref& text) { return {text.data(), text.size()}; }

Rights rights_of_names(const ClientTable& table, std::span<const grpc::string_ref> names) {
  return table.rights_of(names.size() == 1 ? view(names.front()) : "");
}

}  // namespace

Access::Access(std::optional<ClientTable> table, Clock& clock, prometheus::Registry& metrics)
    : table_(std::move(table)),
      key_(random_key()),
      clock_(clock),
      denied_(counter(metrics, "broker_denied_calls_total",
                      "Calls that the table of clients does not allow")) {}

Rights Access::rights_of(const grpc::ServerContextBase& context) const {
  if (!table_) return {};
  const auto& metadata = context.client_metadata();
  const auto key = metadata.find(kKey);
  if (key == metadata.end() || !is_key(view(key->second))) {
    return rights_of_names(*table_,
                           context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME));
  }
  if (metadata.contains(kIsBroker)) return {};
  std::vector<grpc::string_ref> names;
  const auto [first, last] = metadata.equal_range(kName);
  std::transform(first, last, std::back_inserter(names),
                 [](const auto& entry) { return entry.second; });
  return rights_of_names(*table_, names);
}

bool Access::is_key(std::string_view text) const {
  return text.size() == key_.size() && CRYPTO_memcmp(text.data(), key_.data(), key_.size()) == 0;
}

void Access::add_broker_as_caller(grpc::ClientContext* context) const {
  if (!table_) return;
  context->AddMetadata(kKey, key_);
  context->AddMetadata(kIsBroker, "");
}

void Access::add_client_as_caller(std::span<const std::string> common_names,
                                  grpc::ClientContext* context) const {
  if (!table_) return;
  context->AddMetadata(kKey, key_);
  for (const std::string& name : common_names) context->AddMetadata(kName, name);
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
