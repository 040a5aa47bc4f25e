#include "base/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace pollbus {
namespace {

constexpr int kExitInvalid = 2;

std::optional<std::int64_t> to_integer(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> to_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string range_text(std::int64_t least, std::int64_t most) {
  if (most == std::numeric_limits<std::int64_t>::max())
    return fmt::format("expected an integer, {} or more", least);
  return fmt::format("expected an integer from {} to {}", least, most);
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    if (comma > start) parts.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

std::optional<std::string> read_file(const std::string& path) {
  // Read through the stream: its buffer alone throws for a folder.
  std::ifstream file(path, std::ios::binary);
  std::string content;
  for (char c; file.get(c);) content += c;
  if (!file.eof()) return std::nullopt;
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  return content;
}

// `target` is a double, or a std::optional of one. Says what was expected, or nothing.
template <typename Target>
std::optional<std::string> store_number(const std::string& text, double least, double most,
                                        Target* target) {
  const auto value = to_number(text);
  // Written so that "nan" fails.
  if (!value || !(*value >= least && *value <= most))
    return fmt::format("expected a number from {:g} to {:g}", least, most);
  *target = *value;
  return std::nullopt;
}

}  // namespace

Settings::Settings(std::string program, std::string purpose)
    : program_(std::move(program)), purpose_(std::move(purpose)) {}

void Settings::text(SettingName name, std::string* target, Check check) {
  add({.name = std::move(name),
       .default_text = *target,
       .store = [target,
                 check](const std::vector<std::string>& values) -> std::optional<std::string> {
         if (check) {
           if (auto problem = check(values.back())) return problem;
         }
         *target = values.back();
         return std::nullopt;
       }});
}

void Settings::texts(SettingName name, std::vector<std::string>* target, Check check) {
  add({.name = std::move(name),
       .default_text = fmt::format("{}", fmt::join(*target, ",")),
       .repeats = true,
       .store = [target,
                 check](const std::vector<std::string>& values) -> std::optional<std::string> {
         for (const std::string& value : values) {
           if (!check) continue;
           if (auto problem = check(value)) return problem;
         }
         *target = values;
         return std::nullopt;
       }});
}

void Settings::integer(SettingName name, std::int64_t* target, std::int64_t least,
                       std::int64_t most) {
  add({.name = std::move(name),
       .default_text = fmt::format("{}", *target),
       .store = [=](const std::vector<std::string>& values) -> std::optional<std::string> {
         const auto value = to_integer(values.back());
         if (!value || *value < least || *value > most) return range_text(least, most);
         *target = *value;
         return std::nullopt;
       }});
}

void Settings::optional_integer(SettingName name, std::optional<std::int64_t>* target,
                                std::int64_t least, std::int64_t most) {
  add({.name = std::move(name),
       .default_text = "",
       .store = [=](const std::vector<std::string>& values) -> std::optional<std::string> {
         const auto value = to_integer(values.back());
         if (!value || *value < least || *value > most) return range_text(least, most);
         *target = *value;
         return std::nullopt;
       }});
}

void Settings::number(SettingName name, double* target, double least, double most) {
  add({.name = std::move(name),
       .default_text = fmt::format("{:g}", *target),
       .store = [=](const std::vector<std::string>& values) {
         return store_number(values.back(), least, most, target);
       }});
}

void Settings::optional_number(SettingName name, std::optional<double>* target, double least,
                               double most) {
  add({.name = std::move(name),
       .default_text = "",
       .store = [=](const std::vector<std::string>& values) {
         return store_number(values.back(), least, most, target);
       }});
}

void Settings::boolean(SettingName name, bool* target) {
  add({.name = std::move(name),
       .default_text = "",
       .takes_value = false,
       .store = [target](const std::vector<std::string>& values) -> std::optional<std::string> {
         std::string value = values.back();
         for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
         if (value == "1" || value == "true" || value == "yes" || value == "on") {
           *target = true;
         } else if (value == "0" || value == "false" || value == "no" || value == "off") {
           *target = false;
         } else {
           return "expected true or false";
         }
         return std::nullopt;
       }});
}

void Settings::secret(SettingName name, Secret* target, Check check, bool required) {
  if (required) {
    rule([this, name, target]() -> std::optional<std::string> {
      if (!target->empty() || in_trouble_.contains(name.env)) return std::nullopt;
      return fmt::format("{0} (or {0}_FILE): missing. {1}", name.env, name.help);
    });
  }
  name.flag += "-file";
  add({.name = std::move(name),
       .default_text = "",
       .is_secret = true,
       .store = [target,
                 check](const std::vector<std::string>& values) -> std::optional<std::string> {
         if (check) {
           if (auto problem = check(values.back())) return problem;
         }
         *target = Secret(values.back());
         return std::nullopt;
       }});
}

void Settings::rule(std::function<std::optional<std::string>()> rule) {
  rules_.push_back(std::move(rule));
}

Settings::Outcome Settings::parse(int argc, const char* const* argv,
                                  const Environment& environment) {
  problems_.clear();
  in_trouble_.clear();
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  bool help = false;
  app.add_flag("-h,--help", help);
  // Everything is read as text and judged here, so that all problems show at once.
  std::vector<std::vector<std::string>> values(settings_.size());
  std::vector<CLI::Option*> options(settings_.size(), nullptr);
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const Setting& setting = settings_[i];
    if (setting.name.flag.empty()) continue;
    const std::string flag = "--" + setting.name.flag;
    if (setting.takes_value) {
      options[i] = app.add_option(flag, values[i])
                       ->expected(0, setting.repeats ? 1000 : 1)
                       ->allow_extra_args(false);
      options[i]->multi_option_policy(setting.repeats ? CLI::MultiOptionPolicy::TakeAll
                                                      : CLI::MultiOptionPolicy::TakeLast);
    } else {
      options[i] = app.add_flag(flag);
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    problems_.push_back(fmt::format("command line: {}", error.what()));
    return Outcome::kInvalid;
  }
  if (help) return Outcome::kHelp;
  report_unknown(app.remaining());
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    std::optional<std::vector<std::string>> from_flag;
    if (options[i] != nullptr && options[i]->count() > 0) {
      from_flag = settings_[i].takes_value ? values[i] : options[i]->results();
    }
    const std::size_t problems_before = problems_.size();
    apply(settings_[i], from_flag, environment);
    if (problems_.size() > problems_before) in_trouble_.insert(settings_[i].name.env);
  }
  for (const auto& rule : rules_) {
    if (auto problem = rule()) problems_.push_back(*problem);
  }
  return problems_.empty() ? Outcome::kRun : Outcome::kInvalid;
}

// Names flags only: a value may be a secret whose flag was mistaken.
void Settings::report_unknown(const std::vector<std::string>& words) {
  bool after_flag = false;
  for (const std::string& word : words) {
    const bool is_flag = word.starts_with('-');
    if (is_flag || !after_flag) {
      problems_.push_back(
          fmt::format("{}: not known; --help lists what is", word.substr(0, word.find('='))));
    }
    after_flag = is_flag;
  }
}

void Settings::apply(const Setting& setting,
                     const std::optional<std::vector<std::string>>& from_flag,
                     const Environment& environment) {
  std::vector<std::string> given;
  std::string source;
  if (from_flag) {
    source = "--" + setting.name.flag;
    if (from_flag->empty() || from_flag->back().empty()) {
      problems_.push_back(fmt::format("{}: needs a value", source));
      return;
    }
    given = *from_flag;
    if (setting.is_secret) {
      auto content = read_file(given.back());
      if (!content) {
        problems_.push_back(fmt::format("{}: cannot read {}", source, given.back()));
        return;
      }
      given = {*content};
    }
  } else if (setting.is_secret) {
    source = setting.name.env;
    if (auto value = secret_from_environment(setting, environment)) given = {*value};
  } else if (!setting.name.env.empty()) {
    source = setting.name.env;
    if (auto value = environment(setting.name.env); value && !value->empty()) {
      given = setting.repeats ? split_at_commas(*value) : std::vector<std::string>{*value};
    }
  }
  if (given.empty()) return;
  if (auto problem = setting.store(given)) {
    problems_.push_back(setting.is_secret
                            ? fmt::format("{}: {}", source, *problem)
                            : fmt::format("{}: {}, got \"{}\"", source, *problem, given.back()));
  }
}

std::optional<std::string> Settings::secret_from_environment(const Setting& setting,
                                                             const Environment& environment) {
  const std::string file_env = setting.name.env + "_FILE";
  const auto value = environment(setting.name.env);
  const auto path = environment(file_env);
  const bool has_value = value && !value->empty();
  if (!path || path->empty()) return has_value ? value : std::nullopt;
  if (has_value) {
    problems_.push_back(fmt::format("{} and {}: set one of the two", setting.name.env, file_env));
    return std::nullopt;
  }
  auto content = read_file(*path);
  if (!content) problems_.push_back(fmt::format("{}: cannot read {}", file_env, *path));
  return content;
}

std::string Settings::help() const {
  std::string out = fmt::format(
      "{}\n\nUsage: {} [flags]\n\nFlags (environment variable of the same meaning; a flag wins):\n",
      purpose_, program_);
  for (const Setting& setting : settings_) {
    std::string left = setting.name.flag.empty() ? "" : "--" + setting.name.flag;
    if (setting.takes_value && !setting.name.flag.empty()) {
      left += " " + (setting.is_secret ? "FILE" : setting.name.value_name);
    }
    std::string env;
    if (setting.is_secret) {
      env = fmt::format(" ({0}, or {0}_FILE)", setting.name.env);
    } else if (!setting.name.env.empty()) {
      env = fmt::format(" ({})", setting.name.env);
    }
    out += fmt::format("  {}{}\n        {}", left, env, setting.name.help);
    if (!setting.default_text.empty()) out += fmt::format(" [{}]", setting.default_text);
    out += "\n";
  }
  return out + "  --help\n        This text\n";
}

std::optional<int> Settings::parse_or_exit_code(int argc, const char* const* argv) {
  switch (parse(argc, argv)) {
    case Outcome::kRun:
      return std::nullopt;
    case Outcome::kHelp:
      std::cout << help();
      return 0;
    case Outcome::kInvalid:
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
  const std::size_t colon = value.rfind(':');
  if (colon == std::string::npos || colon == 0) return "expected host:port";
  const auto port = to_integer(value.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return "expected host:port with a port from 1 to 65535";
  return std::nullopt;
}

std::optional<std::string> check_not_empty(const std::string& value) {
  if (value.empty()) return "expected some text";
  return std::nullopt;
}

}  // namespace pollbus
