#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus {

// Turns an error of PostgreSQL into a status: UNAVAILABLE if a retry may help, FAILED_PRECONDITION
// if the same statement would fail again. https://www.postgresql.org/docs/15/errcodes-appendix.html
//
// `sqlstate`, `primary` and `source_file` are PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY and
// PG_DIAG_SOURCE_FILE of a result, empty where there is none; `where` names the server. The primary
// message is passed on only if the server itself has written it, about itself or the schema: one
// about rows, or of a trigger, may quote a vote.
absl::Status postgres_error(std::string_view where, std::string_view sqlstate,
                            std::string_view primary, std::string_view source_file);

}  // namespace pollbus
