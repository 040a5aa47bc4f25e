#include "stores/postgres_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace pollbus {
namespace {

// Beginnings of SQLSTATEs. When a connection is lost, the answer to a commit may be lost with it;
// trying again is harmless because of the receipts.
constexpr std::array<std::string_view, 11> kTransient = {
    "08",     // the connection is lost
    "25006",  // read-only: a standby that is about to take over, or protection of a full disk
    "28",     // password refused: during a change, both sides get it at different moments
    "40",     // serialization failure, deadlock
    "53",     // disk or memory full, too many connections
    "55006",  // object in use
    "55P03",  // lock not available
    "57",     // statement timeout, shutting down, starting up
    "58",     // input/output error
    "F0",     // the server's configuration file is broken
    "XX",     // internal error
};
// Everything else is permanent: above all 42 (a table, a column or a privilege is missing), 3D and
// 3F (no such database or schema), and what a single row can meet: 22 and 23 (types, constraints)
// and P0 (triggers). 23505 is permanent too: receipts that are known cause no error, and random ids
// do not collide, so a unique constraint that was added to the tables refuses the row.

// Classes whose primary messages are about the server or the schema, not about rows.
constexpr std::array<std::string_view, 11> kTold = {"08", "25", "28", "3D", "3F", "40",
                                                    "42", "53", "55", "57", "58"};

// A function can raise every error with every message: PL/pgSQL does so in pl_exec.c, PL/Python in
// plpy_elog.c, PL/Perl in plperl.c. Some files of the planner have such names, too.
constexpr std::string_view kLanguages = "pl";
// How PL/pgSQL calls the block of a DO statement, in every language of the server's messages.
constexpr std::string_view kBlock = " inline_code_block ";

bool begins_with_any(std::string_view sqlstate, std::span<const std::string_view> beginnings) {
  return std::ranges::any_of(
      beginnings, [&](std::string_view beginning) { return sqlstate.starts_with(beginning); });
}

// Whether a function of the database wrote the message. A block of Pollbus, in a migration, is
// none; the first line of the context is about what raised the error.
bool is_of_function(std::string_view source_file, std::string_view context) {
  return source_file.starts_with(kLanguages) &&
         context.substr(0, context.find('\n')).find(kBlock) == std::string_view::npos;
}

}  // namespace

absl::Status postgres_error(std::string_view where, std::string_view sqlstate,
                            std::string_view primary, std::string_view source_file,
                            std::string_view context) {
  if (sqlstate.empty()) return absl::UnavailableError(fmt::format("{} is gone", where));
  const auto code = begins_with_any(sqlstate, kTransient) ? absl::StatusCode::kUnavailable
                                                          : absl::StatusCode::kFailedPrecondition;
  const bool is_told = begins_with_any(sqlstate, kTold) && !is_of_function(source_file, context);
  const std::string_view told =
      is_told ? primary : "refuses the statement; see the log of the server";
  return {code, fmt::format("{}: {} (SQLSTATE {})", where, told, sqlstate)};
}

}  // namespace pollbus
