#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus {

// Which errors of PostgreSQL are worth another try, and what may be told of them.
// https://www.postgresql.org/docs/15/errcodes-appendix.html
//
// `sqlstate` and `primary` are a result's PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY, empty where
// there is none; `where` names the server. UNAVAILABLE: hold what is in hand and try again.
// FAILED_PRECONDITION: the same statement would fail for ever. The primary message is told only for
// errors about server or schema: one about rows may quote them.
absl::Status postgres_error(std::string_view where, std::string_view sqlstate,
                            std::string_view primary);

}  // namespace pollbus
