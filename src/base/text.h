#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pollbus {

inline constexpr int kMaxPort = 65'535;

// Numbers in plain decimal notation; blanks around them are allowed. std::nullopt for any other
// text and for integers that do not fit.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

// The parts of a list such as "a, b,c", without the blanks around them. Empty parts are dropped.
std::vector<std::string> split_at_commas(std::string_view text);

// An address such as "localhost:8085" or "[::1]:8085"; `host` has no brackets.
struct HostAndPort {
  std::string host;
  int port = 0;
};
// Accepts ports from `least_port` to kMaxPort. std::nullopt for anything else, also for an IPv6
// address without brackets, whose port cannot be told from the address.
std::optional<HostAndPort> parse_host_and_port(std::string_view text, int least_port = 1);

// "host:port", with brackets around an IPv6 address.
std::string format_host_and_port(const std::string& host, std::int64_t port);

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 are replaced.
std::string to_json_string(std::string_view text);

}  // namespace pollbus
