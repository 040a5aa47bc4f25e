#pragma once

#include <string>
#include <string_view>

namespace pollbus {

// A random version-4 UUID (RFC 4122 §4.4) from the operating system's generator. Never version 1,
// which tells the host and the time. Thread-safe.
std::string random_uuid();

// Whether `text` is a UUID in RFC 4122 text form, of any version, in either case.
bool is_uuid(std::string_view text);

}  // namespace pollbus
