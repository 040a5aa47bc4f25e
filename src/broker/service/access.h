#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/clock.h"
#include "broker/service/broker.h"
#include "broker/service/client_table.h"

namespace pollbus::broker {

// Whether a client may receive the messages of a subscription and ack them.
using ReceiverCheck = std::function<absl::Status(const std::string& subscription)>;

// Decides for each call whether its client may make it. Without a table everybody may do
// everything. Thread-safe.
class Access {
 public:
  Access(std::optional<ClientTable> table, Clock& clock, prometheus::Registry& metrics);

  // The rights of the client that makes this call, by the common name of its certificate, or by
  // what add_caller() said.
  Rights rights_of(const grpc::ServerContextBase& context) const;

  // Adds to a call, which this process makes to itself, for whom it is made: for the broker, which
  // may do everything, or for a client whose certificate has these common names. A key that only
  // this process knows protects that from clients.
  void add_broker_as_caller(grpc::ClientContext* context) const;
  void add_client_as_caller(std::span<const std::string> common_names,
                            grpc::ClientContext* context) const;

  // Whether every client may do everything.
  bool is_unrestricted() const { return !table_; }

  // Asks one question of Rights about the client that makes this call. Counts and logs a denial.
  template <typename... Parameters, typename... Arguments>
  absl::Status check(const grpc::ServerContextBase& context,
                     absl::Status (Rights::*question)(Parameters...) const,
                     const Arguments&... arguments) {
    return table_ ? counted((rights_of(context).*question)(arguments...)) : absl::OkStatus();
  }

  // Whether the client may use this subscription as its own; NOT_FOUND if there is none.
  absl::Status check_receiver(const Rights& rights, Broker& broker,
                              const std::string& subscription);
  absl::Status check_receiver(const grpc::ServerContextBase& context, Broker& broker,
                              const std::string& subscription) {
    return table_ ? check_receiver(rights_of(context), broker, subscription) : absl::OkStatus();
  }

 private:
  absl::Status counted(const absl::Status& status);
  bool is_key(std::string_view text) const;

  const std::optional<ClientTable> table_;
  const std::string key_;
  Clock& clock_;
  prometheus::Counter& denied_;
  std::mutex mutex_;
  std::optional<SteadyTime> logged_;
};

}  // namespace pollbus::broker
