#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "absl/status/status.h"

namespace pollbus {

enum class LogFormat { kText, kJson };
enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One named value of a log line. Must never hold a voter's ID, a choice, a key, a password or the
// payload of a message.
struct LogField {
  LogField(std::string_view field_name, std::string_view text)
      : name(field_name), value(std::string(text)) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const char* text)
      : name(field_name), value(std::string(text)) {}
  LogField(std::string_view field_name, const absl::Status& status)
      : name(field_name), value(status.ToString()) {}
  LogField(std::string_view field_name, bool flag) : name(field_name), value(flag) {}
  LogField(std::string_view field_name, double number) : name(field_name), value(number) {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) LogField(std::string_view field_name, Number number)
      : name(field_name), value(static_cast<std::int64_t>(number)) {}

  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool> value;
};

using LogFields = std::initializer_list<LogField>;

// Sets up the log of the process: one line per event on standard error, with time, level,
// `service`, event and fields. Call once, before any thread starts. Until then, only warnings and
// errors are written.
void set_up_logging(std::string_view service, LogFormat format, LogLevel least);

// `event` is a fixed lower-case phrase ("redis unreachable"); values that vary go into fields.
// Thread-safe; never fails.
void log(LogLevel level, std::string_view event, LogFields fields = {});

inline void log_debug(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kDebug, event, fields);
}
inline void log_info(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kInfo, event, fields);
}
inline void log_warning(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kWarning, event, fields);
}
inline void log_error(std::string_view event, LogFields fields = {}) {
  log(LogLevel::kError, event, fields);
}

}  // namespace pollbus
