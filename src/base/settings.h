#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pollbus {

// A secret's value. There is no way to print it by mistake: it converts to nothing.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

// Names one setting. `flag` without dashes ("redis-host"); empty: none. `env` as in the
// environment ("REDIS_HOST"); empty: none. `value_name` stands for the value in --help.
struct SettingName {
  std::string flag;
  std::string env;
  std::string value_name;
  std::string help;
};

// What a program is told on its command line and in its environment. A flag wins over the
// environment, and an empty variable counts as absent. Each target must outlive parse(); what it
// holds before is the default that --help shows. Not thread-safe.
class Settings {
 public:
  using Environment = std::function<std::optional<std::string>(const std::string&)>;
  // Says what is wrong with a value ("expected host:port"), or nothing.
  using Check = std::function<std::optional<std::string>(const std::string&)>;
  enum class Outcome { kRun, kHelp, kInvalid };

  Settings(std::string program, std::string purpose);

  void text(SettingName name, std::string* target, Check check = nullptr);
  // May be given several times on the command line; in the environment, separated by commas.
  void texts(SettingName name, std::vector<std::string>* target, Check check = nullptr);
  void integer(SettingName name, std::int64_t* target, std::int64_t least = 0,
               std::int64_t most = std::numeric_limits<std::int64_t>::max());
  void number(SettingName name, double* target, double least, double most);
  // Absent stays std::nullopt.
  void optional_integer(SettingName name, std::optional<std::int64_t>* target, std::int64_t least,
                        std::int64_t most);
  // Absent stays std::nullopt.
  void optional_number(SettingName name, std::optional<double>* target, double least, double most);
  // A flag that takes no value; in the environment 1/true/yes/on or 0/false/no/off.
  void boolean(SettingName name, bool* target);
  // From the environment as <env>, or from the file that --<flag>-file or <env>_FILE names (its
  // last newline is dropped). Never on the command line, where every user of the machine reads it.
  // A required one that is missing is a problem. Problems never show the value.
  void secret(SettingName name, Secret* target, Check check = nullptr, bool required = false);

  // A rule over several settings, checked last: says what is wrong, or nothing.
  void rule(std::function<std::optional<std::string>()> rule);

  // Reads everything and finds every problem, not just the first.
  Outcome parse(int argc, const char* const* argv,
                const Environment& environment = process_environment());

  const std::vector<std::string>& problems() const { return problems_; }
  std::string help() const;

  // parse(), and for anything but kRun prints help to standard output (returns 0) or all problems
  // to standard error (returns 2). std::nullopt: go on.
  std::optional<int> parse_or_exit_code(int argc, const char* const* argv);

  static Environment process_environment();

 private:
  struct Setting {
    SettingName name;
    std::string default_text;
    bool takes_value = true;
    bool repeats = false;
    bool is_secret = false;
    // Stores the value, or says what was expected.
    std::function<std::optional<std::string>(const std::vector<std::string>&)> store;
  };

  void add(Setting setting) { settings_.push_back(std::move(setting)); }
  void report_unknown(const std::vector<std::string>& words);
  void apply(const Setting& setting, const std::optional<std::vector<std::string>>& from_flag,
             const Environment& environment);
  std::optional<std::string> secret_from_environment(const Setting& setting,
                                                     const Environment& environment);

  std::string program_;
  std::string purpose_;
  std::vector<Setting> settings_;
  std::vector<std::function<std::optional<std::string>()>> rules_;
  std::vector<std::string> problems_;
  std::set<std::string> in_trouble_;  // variables of settings that have a problem
};

// Checks for text(): "host:port" with a port from 1 to 65535, and text that is not empty.
std::optional<std::string> check_host_and_port(const std::string& value);
std::optional<std::string> check_not_empty(const std::string& value);

}  // namespace pollbus
