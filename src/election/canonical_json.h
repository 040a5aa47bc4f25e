#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pollbus {

// The canonical form of a JSON text (RFC 8785, https://www.rfc-editor.org/rfc/rfc8785): the same
// data always has the same bytes, so that it can be hashed and signed. INVALID_ARGUMENT, with the
// place, for duplicate names, for numbers other than integers from -(2^53-1) to 2^53-1, for more
// than 32 levels, and for anything that is not JSON. Pure; thread-safe.
absl::StatusOr<std::string> canonical_json(std::string_view json);

}  // namespace pollbus
