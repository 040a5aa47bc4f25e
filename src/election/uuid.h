#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pollbus {

// A random version-4 UUID (RFC 4122 §4.4) from the operating system's generator. Version 1 would
// reveal the host and the time. Thread-safe.
std::string random_uuid();

// Whether `text` is a UUID in RFC 4122 text form, of any version, in either case.
bool is_uuid(std::string_view text);

// Puts the letters of a UUID in lower case: UUIDs that differ only in case are the same.
void make_lower_case(std::span<char> uuid);

}  // namespace pollbus
