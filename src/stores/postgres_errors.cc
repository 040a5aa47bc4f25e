#include "stores/postgres_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace pollbus {
namespace {

// Beginnings of SQLSTATEs. A lost connection may have taken the answer to a commit with it: the
// receipts make trying again harmless.
constexpr std::array<std::string_view, 12> kTransient = {
    "08",     // the connection is lost
    "23505",  // a random id that was taken already: the next one is not
    "25006",  // read-only: a standby that is about to take over, or a full disk being guarded
    "28",  // the password is refused: while it is changed, both sides get it at different moments
    "40",  // serialization failure, deadlock
    "53",  // disk or memory full, too many connections
    "55006",  // object in use
    "55P03",  // lock not available
    "57",     // statement timeout, shutting down, starting up
    "58",     // input/output error
    "F0",     // its configuration file is broken
    "XX",     // internal error
};
// Everything else is lasting. Above all 42 (a table, a column or a privilege is missing), 3D and 3F
// (no such database or schema), and what rows of ours can only meet in a schema that is not ours:
// 22 and 23 (types, constraints), P0 (triggers). To try those again would block the batch for ever.

// Classes whose primary messages speak of server and schema.
constexpr std::array<std::string_view, 11> kTold = {"08", "25", "28", "3D", "3F", "40",
                                                    "42", "53", "55", "57", "58"};

bool begins_with_any(std::string_view sqlstate, std::span<const std::string_view> beginnings) {
  return std::ranges::any_of(
      beginnings, [&](std::string_view beginning) { return sqlstate.starts_with(beginning); });
}

}  // namespace

absl::Status postgres_error(std::string_view where, std::string_view sqlstate,
                            std::string_view primary) {
  if (sqlstate.empty()) return absl::UnavailableError(fmt::format("{} is gone", where));
  const auto code = begins_with_any(sqlstate, kTransient) ? absl::StatusCode::kUnavailable
                                                          : absl::StatusCode::kFailedPrecondition;
  const std::string_view told =
      begins_with_any(sqlstate, kTold) ? primary : "refuses it; its own log says why";
  return {code, fmt::format("{}: {} (SQLSTATE {})", where, told, sqlstate)};
}

}  // namespace pollbus
