#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus {

// Returns whether the same call may succeed later without anyone changing anything: the errors that
// Google's client libraries retry (https://cloud.google.com/pubsub/docs/reference/error-codes), and
// cancellation by the peer. All other errors need a different call or a different configuration.
bool is_transient(const absl::Status& status);

// Returns whether the server refuses the data that the call carried, so that the same call never
// succeeds: INVALID_ARGUMENT or OUT_OF_RANGE. An error that an operator can repair while the
// process runs (a missing table, a missing permission) is no refusal.
bool is_refused(const absl::Status& status);

// `status` with "what: " before its message; OK stays OK.
absl::Status annotate(const absl::Status& status, std::string_view what);

}  // namespace pollbus

#define POLLBUS_CONCAT_(a, b) a##b
#define POLLBUS_CONCAT(a, b) POLLBUS_CONCAT_(a, b)

// Returns from the enclosing function when `expression` is not OK.
#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// `ASSIGN_OR_RETURN(auto x, f())`: x is the value of f(), or its status is returned.
#define ASSIGN_OR_RETURN(declaration, expression)                                                 \
  auto POLLBUS_CONCAT(result_, __LINE__) = (expression);                                          \
  if (!POLLBUS_CONCAT(result_, __LINE__).ok()) return POLLBUS_CONCAT(result_, __LINE__).status(); \
  declaration = std::move(POLLBUS_CONCAT(result_, __LINE__)).value()
