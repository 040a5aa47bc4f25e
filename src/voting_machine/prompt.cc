#include "voting_machine/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string_view>

#include "election/vote.h"

namespace pollbus::voting_machine {
namespace {

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::optional<std::int64_t> parse_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || id < 0 || id > kMaxId) return std::nullopt;
  return id;
}

}  // namespace

std::optional<std::int64_t> ask_for_id(std::istream& in, std::ostream& out,
                                       const std::string& what) {
  std::string line;
  while (true) {
    out << fmt::format("Please enter the {} ID (integer): ", what) << std::flush;
    if (!std::getline(in, line)) return std::nullopt;
    const auto id = parse_id(without_blanks(line));
    if (id) return id;
    out << fmt::format("An ID is an integer from 0 to {}.\n", kMaxId);
  }
}

bool ask_for_missing_ids(std::optional<std::int64_t>& election,
                         std::optional<std::int64_t>& machine) {
  struct Question {
    std::optional<std::int64_t>& id;
    const char* what;
    const char* setting;
  };
  for (const auto& [id, what, setting] :
       {Question{election, "election", "--election or ELECTION_ID"},
        Question{machine, "machine", "--machine or MACHINE_ID"}}) {
    if (!id) id = ask_for_id(std::cin, std::cout, what);
    if (id) continue;
    std::cerr << fmt::format(
        "\nvoting-machine: the {} ID is missing: standard input ended; give it with {}\n", what,
        setting);
    return false;
  }
  return true;
}

}  // namespace pollbus::voting_machine
