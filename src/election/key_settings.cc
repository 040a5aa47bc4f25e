#include "election/key_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace pollbus {
namespace {

constexpr char kSubmit[] = "SUBMIT_KEY";
constexpr char kRecord[] = "RECORD_KEY";
constexpr char kResult[] = "RESULT_KEY";
constexpr char kMachineSubmit[] = "MACHINE_SUBMIT_KEY";
constexpr char kMachineResult[] = "MACHINE_RESULT_KEY";

constexpr char kRecordHelp[] =
    "Key of the votes to record, the same for all loggers and recorders: 64 hexadecimal digits";
constexpr char kResultHelp[] =
    "Key from which the keys for the answers to each machine are derived, the same for all loggers "
    "and recorders: 64 hexadecimal digits";

// SUBMIT_KEY is set in a file with --submit-key-file.
std::string flag_of(std::string name) {
  for (char& c : name) c = c == '_' ? '-' : static_cast<char>(c - 'A' + 'a');
  return name;
}

}  // namespace

KeySettings KeySettings::of_logger() {
  return KeySettings(
      {{kSubmit,
        {.help = "Key from which the key of each machine is derived, the same for all loggers: 64 "
                 "hexadecimal digits"}},
       {kRecord, {.help = kRecordHelp}},
       {kResult, {.help = kResultHelp}}});
}

KeySettings KeySettings::of_recorder() {
  return KeySettings({{kRecord, {.help = kRecordHelp}}, {kResult, {.help = kResultHelp}}});
}

KeySettings KeySettings::of_machine() {
  return KeySettings(
      {{kMachineSubmit,
        {.help = "This machine's key for its votes, derived from SUBMIT_KEY: 64 hexadecimal "
                 "digits"}},
       {kMachineResult,
        {.help = "This machine's key for answers, derived from RESULT_KEY: 64 hexadecimal "
                 "digits"}}});
}

void KeySettings::add_to(Settings& settings) {
  for (auto& [name, key] : keys_) {
    const auto check = [&key = key](const std::string& value) {
      key.is_given = true;
      return HashKey::check(value);
    };
    settings.secret({flag_of(name), name, "KEY", key.help}, &key.current, check);
    settings.secret({flag_of(name) + "-previous", name + "_PREVIOUS", "KEY",
                     "While keys are changed: another " + name + " that is accepted, too"},
                    &key.previous, HashKey::check);
  }
  settings.rule([this] { return problem(); });
}

std::optional<std::string> KeySettings::problem() const {
  std::vector<std::string> given;
  std::vector<std::string> missing;
  for (const auto& [name, key] : keys_) {
    if (!key.is_given && !key.previous.empty())
      return fmt::format("{0}_PREVIOUS: needs {0}, too", name);
    (key.is_given ? given : missing).push_back(name);
  }
  if (given.empty() || missing.empty()) return std::nullopt;
  return fmt::format(
      "{}: missing, although {} is set. Set all keys, or none to accept all messages",
      fmt::join(missing, ", "), fmt::join(given, ", "));
}

std::optional<RotatingKey> KeySettings::key(const std::string& name) const {
  const auto found = keys_.find(name);
  if (found == keys_.end() || found->second.current.empty()) return std::nullopt;
  const auto& [help, is_given, current, previous] = found->second;
  RotatingKey key{.current = HashKey::parse(current.reveal()).value(), .previous = {}};
  if (!previous.empty()) key.previous = HashKey::parse(previous.reveal()).value();
  return key;
}

ServiceKeys KeySettings::service_keys() const {
  return {.submit = key(kSubmit), .record = key(kRecord), .result = key(kResult)};
}

MachineKeys KeySettings::machine_keys() const {
  return {.submit = key(kMachineSubmit), .result = key(kMachineResult)};
}

}  // namespace pollbus
