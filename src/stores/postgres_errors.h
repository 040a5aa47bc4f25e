#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus {

// Turns an error of PostgreSQL into a status: UNAVAILABLE if a retry may help, FAILED_PRECONDITION
// if the same statement would fail again. https://www.postgresql.org/docs/15/errcodes-appendix.html
//
// `sqlstate`, `primary`, `source_file` and `context` are PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY,
// PG_DIAG_SOURCE_FILE and PG_DIAG_CONTEXT of a result, empty where there is none; `where` names the
// server. The primary message is passed on only if the server itself or a migration has written it,
// about the server or the schema: one about rows, or of a trigger, may quote a vote.
absl::Status postgres_error(std::string_view where, std::string_view sqlstate,
                            std::string_view primary, std::string_view source_file,
                            std::string_view context);

}  // namespace pollbus
