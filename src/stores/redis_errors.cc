#include "stores/redis_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pollbus {
namespace {

struct KnownError {
  // What the reply begins with.
  std::string_view begin;
  absl::StatusCode code;
  std::string_view meaning;
};

constexpr auto kTransient = absl::StatusCode::kUnavailable;
constexpr auto kLasting = absl::StatusCode::kFailedPrecondition;

// A wrong password counts as transient: while one is changed, server and service get it at
// different moments.
constexpr std::array kKnownErrors = {
    KnownError{"NOAUTH", kTransient, "asks for a password, and none is configured"},
    KnownError{"WRONGPASS", kTransient, "refuses the configured password"},
    KnownError{"ERR invalid password", kTransient, "refuses the configured password"},
    KnownError{"ERR AUTH", kTransient, "refuses the configured password, having none itself"},
    KnownError{"ERR Client sent AUTH", kTransient,
               "refuses the configured password, having none itself"},
    KnownError{"NOPERM", kTransient, "does not permit us the command or the key"},
    KnownError{"LOADING", kTransient, "is still loading its data"},
    KnownError{"MISCONF", kTransient, "cannot save to its disk and takes no writes"},
    KnownError{"OOM", kTransient, "has used up its maxmemory and takes no writes"},
    KnownError{"READONLY", kTransient, "is a replica and takes no writes"},
    KnownError{"MASTERDOWN", kTransient, "is a replica without its master"},
    KnownError{"NOREPLICAS", kTransient, "has too few replicas to take writes"},
    KnownError{"BUSY", kTransient, "is busy running a script"},
    KnownError{"EXECABORT", kTransient, "aborted a transaction"},
    KnownError{"CLUSTERDOWN", kTransient, "is part of a cluster that is down"},
    KnownError{"TRYAGAIN", kTransient, "is moving keys within its cluster"},
    KnownError{"ERR max number of clients", kTransient, "has too many clients"},
    KnownError{"WRONGTYPE", kLasting,
               "holds a key of the form voted:<election>:<voter> that is no string: another "
               "program uses this database; give Pollbus one of its own"},
    KnownError{"MOVED", kLasting, "is one of a cluster's, which we do not support; give one alone"},
    KnownError{"ASK", kLasting, "is one of a cluster's, which we do not support; give one alone"},
    KnownError{"ERR syntax error", kLasting,
               "does not know SET with both NX and GET: Redis 7.0 or newer is needed"},
    KnownError{"ERR unknown command", kLasting,
               "does not know one of the commands SET and AUTH: is it a Redis?"},
};

constexpr std::size_t kMaxCodeBytes = 24;

// The reply's first word if it looks like an error code.
std::string_view code_of(std::string_view text) {
  const std::string_view word = text.substr(0, text.find(' '));
  const bool is_code =
      !word.empty() && word.size() <= kMaxCodeBytes &&
      std::ranges::all_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  return is_code ? word : "without a code";
}

}  // namespace

absl::Status redis_error(std::string_view where, std::string_view reply_text) {
  const std::string_view code = code_of(reply_text);
  for (const KnownError& known : kKnownErrors) {
    if (!reply_text.starts_with(known.begin)) continue;
    return {known.code, fmt::format("{} {} ({})", where, known.meaning, code)};
  }
  return absl::UnavailableError(fmt::format("{} answers with an error ({})", where, code));
}

}  // namespace pollbus
