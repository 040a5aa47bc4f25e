#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus {

// Turns an error of PostgreSQL into a status: UNAVAILABLE if a retry may help, FAILED_PRECONDITION
// if the same statement would fail again. https://www.postgresql.org/docs/15/errcodes-appendix.html
//
// `sqlstate` and `primary` are PG_DIAG_SQLSTATE and PG_DIAG_MESSAGE_PRIMARY of a result, empty
// where there is none; `where` names the server. The primary message is passed on only for errors
// about server or schema, because one about rows may quote them.
absl::Status postgres_error(std::string_view where, std::string_view sqlstate,
                            std::string_view primary);

}  // namespace pollbus
