#include "election_office/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "base/settings.h"
#include "election/keyed_hash.h"
#include "election/spelling.h"

namespace pollbus::election_office {
namespace {

using namespace std::string_view_literals;

constexpr std::chrono::seconds kMostTimeout{3'600};
constexpr std::array kFlagsWithoutValue = {"--json"sv, "--yes"sv,  "--dry-run"sv, "--watch"sv,
                                           "--all"sv,  "--help"sv, "--version"sv};

// How many words of the command line name the command.
std::size_t words_in(std::string_view name) {
  return 1 + static_cast<std::size_t>(std::ranges::count(name, ' '));
}

const CommandSpec* find_command(const std::vector<std::string>& words) {
  for (const CommandSpec& command : all_commands()) {
    const std::size_t count = words_in(command.name);
    if (words.size() < count) continue;
    const std::string name = count == 1 ? words[0] : words[0] + " " + words[1];
    if (name == command.name) return &command;
  }
  return nullptr;
}

// The words that are no flags and no values of flags, and the rest.
struct Split {
  std::vector<std::string> words;
  std::vector<const char*> flags;
};

Split split(int argc, const char* const* argv) {
  Split parts;
  parts.flags.push_back(argc > 0 ? argv[0] : "election-office");
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with('-') || word == "-") {
      parts.words.emplace_back(word);
      continue;
    }
    parts.flags.push_back(argv[i]);
    const bool takes_next = word.starts_with("--") && word.find('=') == std::string_view::npos &&
                            std::ranges::find(kFlagsWithoutValue, word) == kFlagsWithoutValue.end();
    if (takes_next && i + 1 < argc) parts.flags.push_back(argv[++i]);
  }
  return parts;
}

bool takes(const CommandSpec& command, std::string_view flag) {
  return command.flags.find(fmt::format(" {} ", flag)) != std::string_view::npos;
}

void add_elections(Settings& settings, Options& options) {
  settings.texts({"election", "", "NUMBER",
                  "The election; may be given several times. Not needed if only one is defined"},
                 &options.elections, check_not_empty);
  settings.text({"event", "", "NAME", "The elections of this event"}, &options.event);
  settings.boolean({"all", "", "", "All elections that are defined"}, &options.all);
}

void add_bus(Settings& settings, Options& options) {
  options.bus.add_to(settings);
  settings.text({"topic", "TOPIC_NAME", "NAME", "The topic that all services share"},
                &options.topic, check_not_empty);
  settings.secret({"office-result-key", "OFFICE_RESULT_KEY", "KEY",
                   "Key that proves answers of the services: 64 hexadecimal digits"},
                  &options.result_key, HashKey::check);
  settings.secret({"office-result-key-previous", "OFFICE_RESULT_KEY_PREVIOUS", "KEY",
                   "A second key that is accepted while keys are rotated"},
                  &options.previous_result_key, HashKey::check);
  settings.seconds({"timeout-s", "OFFICE_TIMEOUT_S", "SECONDS",
                    "How long to wait for the answers of the services"},
                   &options.timeout, std::chrono::seconds(1), kMostTimeout);
}

void add_flags(const CommandSpec& command, Settings& settings, Options& options) {
  if (takes(command, "election")) add_elections(settings, options);
  if (takes(command, "dry-run")) {
    settings.alternative({"dry-run", "", "", "Check the file and change nothing"},
                         &options.dry_run);
  }
  if (takes(command, "column")) {
    settings.text({"column", "", "NAME", "The column with the voter numbers [voter_ID]"},
                  &options.column);
  }
  if (takes(command, "roll")) {
    settings.text({"roll", "", "FILE", "Copy this roll and add a column with the codes"},
                  &options.roll);
  }
  if (takes(command, "out")) {
    settings.text({"out", "", "FILE", "Where to write; only you can read the file"}, &options.out);
  }
  if (takes(command, "format")) {
    settings.text({"format", "", "FORMAT", "table, csv, json, or cdf (NIST SP 1500-100)"},
                  &options.format);
  }
  if (takes(command, "language")) {
    settings.text({"language", "", "TAG", "The language of titles and names"}, &options.language);
  }
  if (takes(command, "watch")) {
    settings.boolean({"watch", "", "", "Show the state again every two seconds"}, &options.watch);
  }
  if (takes(command, "yes")) {
    settings.boolean({"yes", "", "", "Do not ask before a step that is final"}, &options.yes);
  }
  settings.text({"office", "OFFICE_FOLDER", "FOLDER",
                 "The office's folder on this computer: signing key and codes"},
                &options.office, check_not_empty);
  settings.boolean({"json", "", "", "Print the result as JSON, for scripts"}, &options.json);
  if (takes(command, "bus")) add_bus(settings, options);
}

// The keys were checked when they were read.
void make_keys(Options& options) {
  const auto key = HashKey::parse(options.result_key.reveal());
  if (!key.ok()) return;
  options.result_keys = RotatingKey{.current = *key};
  const auto previous = HashKey::parse(options.previous_result_key.reveal());
  if (previous.ok()) options.result_keys->previous = *previous;
}

// The flags of all commands, as the help of a program without commands shows them.
std::string help_on_all_flags() {
  const CommandSpec all{.flags =
                            " bus election dry-run column roll out format language watch yes "};
  Settings settings("election-office", "");
  Options options;
  add_flags(all, settings, options);
  const std::string help = settings.help();
  return help.substr(help.find("Flags"));
}

std::string overview() {
  std::string text =
      "election-office: holds elections: defines them, loads the roll, opens, closes, seals and "
      "certifies them.\n\nUsage: election-office COMMAND [flags]\n\nCommands, in the order in "
      "which "
      "an election needs them:\n";
  for (const CommandSpec& command : all_commands()) {
    const std::string usage = fmt::format("{} {}", command.name, command.arguments);
    text += fmt::format("  {:34} {}\n", usage, command.summary);
  }
  return text +
         "\nelection-office COMMAND --help explains a command and names its flags. The handbook is "
         "docs/elections.md.\nExit codes: 0 done, 1 refused, 2 wrong use, 3 a service has not "
         "answered (repeat the command).\n\n" +
         help_on_all_flags();
}

int unknown_command(const std::vector<std::string>& words) {
  std::vector<std::string_view> names;
  for (const CommandSpec& command : all_commands()) names.push_back(command.name);
  const bool has_two = words.size() > 1 && words[0] == "roll";
  const std::string typed = has_two ? words[0] + " " + words[1] : words[0];
  std::cerr << fmt::format("election-office: unknown command {}{}; --help lists the commands\n",
                           typed, suggestion(typed, names));
  return kWrongUse;
}

std::string usage_of(const CommandSpec& command) {
  return fmt::format("election-office {}{}{}", command.name, command.arguments.empty() ? "" : " ",
                     command.arguments);
}

int wrong_arguments(const CommandSpec& command) {
  std::cerr << fmt::format("election-office: usage: {}\n", usage_of(command));
  return kWrongUse;
}

}  // namespace

CommandLine read_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Split parts = split(argc, argv);
  const bool wants_help = std::ranges::any_of(
      parts.flags, [](std::string_view flag) { return flag == "--help" || flag == "-h"; });
  const CommandSpec* command = find_command(parts.words);
  if (command == nullptr) {
    if (parts.words.empty() || wants_help) {
      (wants_help ? std::cout : std::cerr) << overview();
      line.exit_code = wants_help ? 0 : kWrongUse;
    } else {
      line.exit_code = unknown_command(parts.words);
    }
    return line;
  }
  parts.words.erase(parts.words.begin(),
                    parts.words.begin() + static_cast<std::ptrdiff_t>(words_in(command->name)));
  if (!wants_help && (parts.words.size() < command->least_arguments ||
                      parts.words.size() > command->most_arguments)) {
    line.exit_code = wrong_arguments(*command);
    return line;
  }
  Settings settings(usage_of(*command),
                    fmt::format("{}\n{}{}", command->summary, command->details.empty() ? "" : "\n",
                                command->details));
  add_flags(*command, settings, line.options);
  if (const auto code =
          settings.parse_or_exit_code(static_cast<int>(parts.flags.size()), parts.flags.data())) {
    line.exit_code = *code;
    return line;
  }
  make_keys(line.options);
  line.options.arguments = std::move(parts.words);
  line.command = command;
  return line;
}

}  // namespace pollbus::election_office
