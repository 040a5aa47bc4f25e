#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace pollbus {

// What an error reply of the server `where` ("Redis at host:port") means to us: FAILED_PRECONDITION
// for what no retry mends, else UNAVAILABLE. Of the reply's text only the code, its first word, is
// told: the rest may quote our command, and with it a voter's id or the password.
// https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
absl::Status redis_error(std::string_view where, std::string_view reply_text);

}  // namespace pollbus
