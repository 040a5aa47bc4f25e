#include "base/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace pollbus {
namespace {

constexpr int kExitInvalid = 2;
constexpr std::size_t kMaxSecretFileBytes = 64 * 1024;

using Problem = std::optional<std::string>;

template <typename Target>
Problem store_integer(const std::string& text, std::int64_t least, std::int64_t most,
                      Target* target) {
  const auto value = parse_integer(text);
  if (!value || *value < least || *value > most)
    return fmt::format("expected an integer from {} to {}", least, most);
  *target = Target(*value);
  return std::nullopt;
}

template <typename Target>
Problem store_number(const std::string& text, double least, double most, Target* target) {
  const auto value = parse_number(text);
  // Written so that "nan" fails.
  if (!value || !(*value >= least && *value <= most))
    return fmt::format("expected a number from {:g} to {:g}", least, most);
  *target = *value;
  return std::nullopt;
}

Problem store_boolean(std::string text, bool* target) {
  static constexpr std::array<std::string_view, 4> kTrue = {"1", "true", "yes", "on"};
  static constexpr std::array<std::string_view, 4> kFalse = {"0", "false", "no", "off"};
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool is_true = std::ranges::find(kTrue, text) != kTrue.end();
  if (!is_true && std::ranges::find(kFalse, text) == kFalse.end()) return "expected true or false";
  *target = is_true;
  return std::nullopt;
}

// Kubernetes puts the address of every Service into the environment of every pod: a Service named
// "redis" becomes REDIS_PORT=tcp://10.0.0.1:6379, among others.
bool is_service_link(const std::string& value) {
  return value.starts_with("tcp://") || value.starts_with("udp://");
}

std::string service_link_hint(const std::string& variable) {
  std::string service = variable.substr(0, variable.rfind("_PORT"));
  for (char& c : service) c = c == '_' ? '-' : static_cast<char>(std::tolower(c));
  return fmt::format(
      ". Kubernetes sets {} to such a value when a Service is named \"{}\": set "
      "enableServiceLinks: false in the pod's spec",
      variable, service);
}

}  // namespace

Settings::Settings(std::string program, std::string purpose)
    : program_(std::move(program)), purpose_(std::move(purpose)) {}

void Settings::add(SettingName name, Kind kind, std::string default_text,
                   std::function<Problem(const std::string&)> store) {
  settings_.push_back({.name = std::move(name),
                       .kind = kind,
                       .default_text = std::move(default_text),
                       .store = [store = std::move(store)](const std::vector<std::string>& values) {
                         return store(values.back());
                       }});
}

void Settings::text(SettingName name, std::string* target, Check check) {
  add(std::move(name), Kind::kValue, *target,
      [target, check = std::move(check)](const std::string& value) -> Problem {
        if (auto problem = check ? check(value) : std::nullopt) return problem;
        *target = value;
        return std::nullopt;
      });
}

void Settings::texts(SettingName name, std::vector<std::string>* target, Check check) {
  settings_.push_back({.name = std::move(name),
                       .kind = Kind::kList,
                       .default_text = fmt::format("{}", fmt::join(*target, ",")),
                       .store = [target, check = std::move(check)](
                                    const std::vector<std::string>& values) -> Problem {
                         for (const std::string& value : values) {
                           if (auto problem = check ? check(value) : std::nullopt) return problem;
                         }
                         *target = values;
                         return std::nullopt;
                       }});
}

void Settings::integer(SettingName name, std::int64_t* target, std::int64_t least,
                       std::int64_t most) {
  add(std::move(name), Kind::kValue, fmt::format("{}", *target),
      [=](const std::string& value) { return store_integer(value, least, most, target); });
}

void Settings::integer(SettingName name, std::optional<std::int64_t>* target, std::int64_t least,
                       std::int64_t most) {
  add(std::move(name), Kind::kValue, "",
      [=](const std::string& value) { return store_integer(value, least, most, target); });
}

void Settings::number(SettingName name, double* target, double least, double most) {
  add(std::move(name), Kind::kValue, fmt::format("{:g}", *target),
      [=](const std::string& value) { return store_number(value, least, most, target); });
}

void Settings::number(SettingName name, std::optional<double>* target, double least, double most) {
  add(std::move(name), Kind::kValue, "",
      [=](const std::string& value) { return store_number(value, least, most, target); });
}

void Settings::seconds(SettingName name, std::chrono::seconds* target, std::chrono::seconds least,
                       std::chrono::seconds most) {
  add(std::move(name), Kind::kValue, fmt::format("{}", target->count()),
      [=](const std::string& value) {
        return store_integer(value, least.count(), most.count(), target);
      });
}

void Settings::boolean(SettingName name, bool* target) {
  add(std::move(name), Kind::kFlag, "",
      [=](const std::string& value) { return store_boolean(value, target); });
}

void Settings::secret(SettingName name, Secret* target, Check check, bool required) {
  if (required) {
    rule([this, name, target]() -> Problem {
      if (!target->empty() || troubled_.contains(name.env)) return std::nullopt;
      return fmt::format("{0} (or {0}_FILE): missing. {1}", name.env, name.help);
    });
  }
  name.flag += "-file";
  add(std::move(name), Kind::kSecret, "",
      [target, check = std::move(check)](const std::string& value) -> Problem {
        if (auto problem = check ? check(value) : std::nullopt) return problem;
        *target = Secret(value);
        return std::nullopt;
      });
}

void Settings::rule(Rule rule) { rules_.push_back(std::move(rule)); }

void Settings::alternative(SettingName name, bool* target) {
  alternatives_.push_back(target);
  boolean(std::move(name), target);
}

Settings::ParseResult Settings::parse(int argc, const char* const* argv,
                                      const Environment& environment) {
  problems_.clear();
  troubled_.clear();
  const Flags flags = read_command_line(argc, argv);
  if (flags.contains("help")) return ParseResult::kHelp;
  if (flags.contains("version")) return ParseResult::kVersion;
  for (const Setting& setting : settings_) {
    const std::size_t problems_before = problems_.size();
    apply(setting, flags, environment);
    if (problems_.size() > problems_before) troubled_.insert(setting.name.env);
  }
  if (std::ranges::none_of(alternatives_, [](const bool* chosen) { return *chosen; })) {
    for (const Rule& rule : rules_) {
      if (auto problem = rule()) problems_.push_back(*problem);
    }
  }
  return problems_.empty() ? ParseResult::kRun : ParseResult::kInvalid;
}

// Splits the command line into flags. A flag of kind kFlag takes a value only as --flag=value;
// another flag takes the next word, unless that is a flag, too.
Settings::Flags Settings::read_command_line(int argc, const char* const* argv) {
  Flags flags;
  bool after_unknown = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool is_flag = word.starts_with("-");
    // The word after an unknown flag may be a secret that was meant for it.
    if (!is_flag && std::exchange(after_unknown, false)) continue;
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string dashes_and_name = word.substr(0, equals);
    const std::string name = word.starts_with("--") ? dashes_and_name.substr(2) : "";
    if (word == "-h" || word == "--help" || word == "--version") {
      flags[word == "-h" ? "help" : name];
      continue;
    }
    const Setting* setting = find(name);
    if (setting == nullptr) {
      problem(dashes_and_name, "unknown; --help lists the flags");
      after_unknown = is_flag && equals == word.size();
      continue;
    }
    if (equals < word.size()) {
      flags[name].push_back(word.substr(equals + 1));
    } else if (setting->kind == Kind::kFlag) {
      flags[name].push_back("true");
    } else if (i + 1 < argc && !std::string_view(argv[i + 1]).starts_with("--")) {
      flags[name].push_back(argv[++i]);
    } else {
      flags[name].push_back("");
    }
  }
  return flags;
}

const Settings::Setting* Settings::find(const std::string& flag) const {
  const auto found =
      std::ranges::find(settings_, flag, [](const Setting& setting) { return setting.name.flag; });
  return flag.empty() || found == settings_.end() ? nullptr : &*found;
}

void Settings::apply(const Setting& setting, const Flags& flags, const Environment& environment) {
  if (const auto given = flags.find(setting.name.flag); given != flags.end()) {
    apply_flag(setting, given->second);
  } else if (!setting.name.env.empty()) {
    apply_environment(setting, environment);
  }
}

void Settings::apply_flag(const Setting& setting, std::vector<std::string> values) {
  const std::string source = "--" + setting.name.flag;
  if (values.back().empty()) return problem(source, "needs a value");
  if (setting.kind == Kind::kSecret) return apply_secret_file(setting, source, values.back());
  store(setting, source, values);
}

void Settings::apply_environment(const Setting& setting, const Environment& environment) {
  const std::string& variable = setting.name.env;
  const std::string value = environment(variable).value_or("");
  if (setting.kind == Kind::kSecret) {
    const std::string file_variable = variable + "_FILE";
    const std::string path = environment(file_variable).value_or("");
    if (!path.empty() && !value.empty())
      return problem(fmt::format("{} and {}", variable, file_variable), "set only one of the two");
    if (!path.empty()) return apply_secret_file(setting, file_variable, path);
  }
  if (value.empty()) return;
  const auto values = setting.kind == Kind::kList ? split_at_commas(value) : std::vector{value};
  if (!values.empty()) store(setting, variable, values);
}

void Settings::apply_secret_file(const Setting& setting, const std::string& source,
                                 const std::string& path) {
  // Read through the stream: its buffer alone throws for a directory.
  std::ifstream file(path, std::ios::binary);
  std::string content;
  for (char c; content.size() <= kMaxSecretFileBytes && file.get(c);) content += c;
  if (content.size() > kMaxSecretFileBytes)
    return problem(source, fmt::format("{} has more than {} bytes", path, kMaxSecretFileBytes));
  if (!file.eof()) return problem(source, "cannot read " + path);
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.empty()) return problem(source, path + " is empty");
  store(setting, source, {content});
}

void Settings::store(const Setting& setting, const std::string& source,
                     const std::vector<std::string>& values) {
  auto expected = setting.store(values);
  if (!expected) return;
  if (setting.kind == Kind::kSecret) return problem(source, *expected);
  const bool is_link = source == setting.name.env && is_service_link(values.back());
  problem(source, fmt::format("{}, got \"{}\"{}", *expected, fmt::join(values, ","),
                              is_link ? service_link_hint(source) : ""));
}

void Settings::problem(const std::string& source, const std::string& what) {
  problems_.push_back(fmt::format("{}: {}", source, what));
}

std::string Settings::help() const {
  std::string out = fmt::format(
      "{}\n\nUsage: {} [flags]\n\n"
      "Flags (in parentheses the environment variable; a flag takes precedence):\n",
      purpose_, program_);
  for (const auto& [name, kind, default_text, store] : settings_) {
    std::string left = name.flag.empty() ? "" : "--" + name.flag;
    if (kind != Kind::kFlag && !name.flag.empty())
      left += " " + (kind == Kind::kSecret ? "FILE" : name.value_name);
    std::string env;
    if (kind == Kind::kSecret) {
      env = fmt::format(" ({0}, or {0}_FILE)", name.env);
    } else if (!name.env.empty()) {
      env = fmt::format(" ({})", name.env);
    }
    out += fmt::format("  {}{}\n        {}", left, env, name.help);
    if (!default_text.empty()) out += fmt::format(" [{}]", default_text);
    out += "\n";
  }
  return out + "  --help\n        Print this text\n  --version\n        Print the version\n";
}

std::optional<int> Settings::parse_or_exit_code(int argc, const char* const* argv) {
  switch (parse(argc, argv)) {
    case ParseResult::kRun:
      return std::nullopt;
    case ParseResult::kHelp:
      std::cout << help();
      return 0;
    case ParseResult::kVersion:
      std::cout << fmt::format("{} {}\n", program_, POLLBUS_VERSION);
      return 0;
    case ParseResult::kInvalid:
      break;
  }
  for (const std::string& problem : problems_)
    std::cerr << fmt::format("{}: {}\n", program_, problem);
  return kExitInvalid;
}

Settings::Environment Settings::process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

std::optional<std::string> check_host_and_port(const std::string& value) {
  if (parse_host_and_port(value)) return std::nullopt;
  return "expected host:port with a port from 1 to 65535";
}

std::optional<std::string> check_not_empty(const std::string& value) {
  if (value.empty()) return "expected some text";
  return std::nullopt;
}

}  // namespace pollbus
