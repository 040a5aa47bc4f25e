#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus {

// The meaning of an error reply of the server `where` ("Redis at host:port"): FAILED_PRECONDITION
// if no retry helps, otherwise UNAVAILABLE. Passes on only the code of the reply, its first word:
// the rest may quote the command, and with it a voter's ID or the password.
// https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
absl::Status redis_error(std::string_view where, std::string_view reply_text);

}  // namespace pollbus
