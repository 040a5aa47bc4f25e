#pragma once

#include <string>
#include <string_view>

namespace pollbus::election_board {

// The value of a parameter in a query such as "lang=fr&code=3KQ4", decoded as HTML forms encode it.
// Empty if it is not there. Pure functions; thread-safe.
std::string query_value(std::string_view query, std::string_view name);

}  // namespace pollbus::election_board
