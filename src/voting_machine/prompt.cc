#include "voting_machine/prompt.h"

#include <fmt/format.h>

#include <iostream>
#include <string_view>

#include "base/text.h"
#include "election/vote.h"

namespace pollbus::voting_machine {
namespace {

std::optional<std::int64_t> parse_id(std::string_view text) {
  const auto id = parse_integer(text);
  return id && *id >= 0 && *id <= kMaxId ? id : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> ask_for_id(std::istream& in, std::ostream& out,
                                       const std::string& what) {
  std::string line;
  while (true) {
    out << fmt::format("Please enter the {} ID (integer): ", what) << std::flush;
    if (!std::getline(in, line)) return std::nullopt;
    const auto id = parse_id(line);
    if (id) return id;
    out << fmt::format("An ID is an integer from 0 to {}.\n", kMaxId);
  }
}

bool ask_for_missing_ids(bool needs_election, std::optional<std::int64_t>& election,
                         std::optional<std::int64_t>& machine) {
  struct Question {
    std::optional<std::int64_t>& id;
    const char* what;
    const char* setting;
  };
  for (const auto& [id, what, setting] :
       {Question{election, "election", "--election or ELECTION_ID"},
        Question{machine, "machine", "--machine or MACHINE_ID"}}) {
    if (&id == &election && !needs_election) continue;
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
