#include "stores/redis_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pollbus {
namespace {

struct KnownError {
  // How the reply begins.
  std::string_view begin;
  absl::StatusCode code;
  std::string_view meaning;
};

constexpr auto kTransient = absl::StatusCode::kUnavailable;
constexpr auto kLasting = absl::StatusCode::kFailedPrecondition;

// A wrong password is transient: during a change of the password, the server and the service get
// the new one at different moments.
constexpr std::array kKnownErrors = {
    KnownError{"NOAUTH", kTransient, "asks for a password, and none is configured"},
    KnownError{"WRONGPASS", kTransient, "refuses the configured password"},
    KnownError{"ERR invalid password", kTransient, "refuses the configured password"},
    KnownError{"ERR AUTH", kTransient, "has no password and refuses the configured one"},
    KnownError{"ERR Client sent AUTH", kTransient,
               "has no password and refuses the configured one"},
    KnownError{"NOPERM", kTransient, "does not permit this user the command or the key"},
    KnownError{"ERR The user executing the script", kTransient,
               "does not permit this user a command or a key of a script"},
    KnownError{"NOSCRIPT", kTransient, "has lost the scripts of this connection"},
    KnownError{"LOADING", kTransient, "is still loading its data"},
    KnownError{"MISCONF", kTransient, "cannot save to its disk and accepts no writes"},
    KnownError{"OOM", kTransient, "has reached its maxmemory and accepts no writes"},
    KnownError{"READONLY", kTransient, "is a replica and accepts no writes"},
    KnownError{"MASTERDOWN", kTransient, "is a replica without its master"},
    KnownError{"NOREPLICAS", kTransient, "has too few replicas to accept writes"},
    KnownError{"BUSY", kTransient, "is busy running a script"},
    KnownError{"EXECABORT", kTransient, "aborted a transaction"},
    KnownError{"CLUSTERDOWN", kTransient, "is part of a cluster that is down"},
    KnownError{"TRYAGAIN", kTransient, "is moving keys within its cluster"},
    KnownError{"ERR max number of clients", kTransient, "has too many clients"},
    KnownError{"WRONGTYPE", kLasting,
               "holds a key of another program in the place of one of Pollbus: give Pollbus a "
               "server of its own"},
    KnownError{
        "ERR DB index", kLasting,
        "has only one database, and Pollbus needs databases 0 and 1 (setting \"databases\")"},
    KnownError{
        "MOVED", kLasting,
        "belongs to a cluster, which Pollbus does not support: use a single server, or several "
        "with REDIS_HOSTS"},
    KnownError{"ASK", kLasting,
               "belongs to a cluster, which Pollbus does not support: use a single server"},
    KnownError{"ERR unknown command", kLasting,
               "does not know one of the commands that Pollbus needs: is it a Redis server?"},
};

constexpr std::size_t kMaxCodeBytes = 24;

// The first word of the reply, if it looks like an error code.
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
