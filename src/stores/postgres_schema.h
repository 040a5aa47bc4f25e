#pragma once

#include "absl/status/status.h"
#include "stores/postgres_connection.h"

namespace pollbus {

// Brings the schema to this version under an advisory lock and grants the roles their rights, if
// the session's user may do that. Otherwise checks that another user has done it: UNAVAILABLE until
// then. FAILED_PRECONDITION as BallotBox::migrate().
absl::Status migrate_or_check(PostgresConnection& connection);

}  // namespace pollbus
