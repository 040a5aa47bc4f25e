#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/text.h"

namespace pollbus {

// How one setting is called. `flag` has no dashes ("redis-host"), `env` is the environment variable
// ("REDIS_HOST"); either may be empty. `value_name` stands for the value in --help.
struct SettingName {
  std::string flag;
  std::string env;
  std::string value_name;
  std::string help;
};

// Reads a program's settings from its command line and its environment. A flag takes precedence
// over the environment; an empty variable counts as absent. Each target must outlive parse(); its
// value before parse() is the default, which --help shows. Not thread-safe.
class Settings {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string&)>;
  // Returns what was expected ("expected host:port") if the value is wrong.
  using Check = std::function<std::optional<std::string>(const std::string&)>;
  // Returns what is wrong with the settings together, if anything is.
  using Rule = std::function<std::optional<std::string>()>;
  enum class ParseResult { kRun, kHelp, kVersion, kInvalid };

  Settings(std::string program, std::string purpose);

  void text(SettingName name, std::string* target, Check check = nullptr);
  // May be given several times on the command line; comma-separated in the environment.
  void texts(SettingName name, std::vector<std::string>* target, Check check = nullptr);
  // Numbers have a range, and may have blanks around them. An optional one that is absent stays
  // std::nullopt.
  void integer(SettingName name, std::int64_t* target, std::int64_t least, std::int64_t most);
  void integer(SettingName name, std::optional<std::int64_t>* target, std::int64_t least,
               std::int64_t most);
  void number(SettingName name, double* target, double least, double most);
  void number(SettingName name, std::optional<double>* target, double least, double most);
  void seconds(SettingName name, std::chrono::seconds* target, std::chrono::seconds least,
               std::chrono::seconds most);
  // A flag without a value; in the environment 1, true, yes, on or 0, false, no, off.
  void boolean(SettingName name, bool* target);
  // Read from the variable <env>, or from the file that --<flag>-file or <env>_FILE names, without
  // its last newline. Never read from the command line, which every user of the machine can see.
  // Problems never show the value.
  void secret(SettingName name, Secret* target, Check check = nullptr, bool required = false);

  // Adds a check of several settings, made after all have been read.
  void rule(Rule rule);
  // Adds a flag that makes the program do something else than its work (--check-health): if it is
  // given, neither required secrets nor rules are checked.
  void alternative(SettingName name, bool* target);

  // Reads everything and collects every problem, not only the first.
  ParseResult parse(int argc, const char* const* argv,
                    const Environment& environment = process_environment());

  const std::vector<std::string>& problems() const { return problems_; }
  std::string help() const;

  // Calls parse(). Returns std::nullopt if the program is to run. Otherwise returns its exit code:
  // 0 after printing help or version, 2 after printing all problems to standard error.
  std::optional<int> parse_or_exit_code(int argc, const char* const* argv);

  static Environment process_environment();

 private:
  enum class Kind { kValue, kList, kFlag, kSecret };
  struct Setting {
    SettingName name;
    Kind kind = Kind::kValue;
    std::string default_text;
    // Stores the values, or returns what was expected. Only a list gets more than one.
    std::function<std::optional<std::string>(const std::vector<std::string>&)> store;
  };
  // The values of each flag on the command line; a flag without a value has an empty one.
  using Flags = std::map<std::string, std::vector<std::string>>;

  void add(SettingName name, Kind kind, std::string default_text,
           std::function<std::optional<std::string>(const std::string&)> store);
  Flags read_command_line(int argc, const char* const* argv);
  const Setting* find(const std::string& flag) const;
  void apply(const Setting& setting, const Flags& flags, const Environment& environment);
  void apply_flag(const Setting& setting, std::vector<std::string> values);
  void apply_environment(const Setting& setting, const Environment& environment);
  void apply_secret_file(const Setting& setting, const std::string& source,
                         const std::string& path);
  void store(const Setting& setting, const std::string& source,
             const std::vector<std::string>& values);
  void problem(const std::string& source, const std::string& what);

  std::string program_;
  std::string purpose_;
  std::vector<Setting> settings_;
  std::vector<Rule> rules_;
  std::vector<const bool*> alternatives_;
  std::vector<std::string> problems_;
  std::set<std::string> troubled_;  // variables of the settings that have a problem
};

// Checks for text(): "host:port" (IPv6 as "[::1]:port") with a port from 1 to 65535; some text.
std::optional<std::string> check_host_and_port(const std::string& value);
std::optional<std::string> check_not_empty(const std::string& value);

}  // namespace pollbus
