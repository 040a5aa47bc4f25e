#include "base/logging.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <memory>

#include "base/text.h"

namespace pollbus {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

struct Log {
  std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("pollbus",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::warn);
    return made;
  }();
  LogFormat format = LogFormat::kText;
};

Log& the_log() {
  static Log log;
  return log;
}

// Text is written as a JSON string in both formats, so that no value can break a line in two.
std::string as_text(const std::variant<std::string, std::int64_t, double, bool>& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return to_json_string(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<double>(&value)) {
    // JSON has no word for the others.
    if (!std::isfinite(*number)) return fmt::format("\"{}\"", *number);
    return fmt::format("{:.6g}", *number);
  }
  return std::get<bool>(value) ? "true" : "false";
}

}  // namespace

void set_up_logging(std::string_view service, LogFormat format, LogLevel least) {
  Log& log = the_log();
  log.format = format;
  log.logger->set_level(to_spdlog(least));
  log.logger->flush_on(spdlog::level::debug);
  if (format == LogFormat::kJson) {
    log.logger->set_pattern(
        fmt::format(R"({{"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","service":"{}",%v}})",
                    service),
        spdlog::pattern_time_type::utc);
  } else {
    log.logger->set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%eZ %-7l {}: %v", service),
                            spdlog::pattern_time_type::utc);
  }
}

void log(LogLevel level, std::string_view event, LogFields fields) {
  Log& log = the_log();
  if (!log.logger->should_log(to_spdlog(level))) return;
  std::string line;
  if (log.format == LogFormat::kJson) {
    line = fmt::format("\"event\":{}", to_json_string(event));
    for (const LogField& field : fields)
      line += fmt::format(",\"{}\":{}", field.name, as_text(field.value));
  } else {
    line = event;
    for (const LogField& field : fields)
      line += fmt::format(" {}={}", field.name, as_text(field.value));
  }
  log.logger->log(to_spdlog(level), line);
}

}  // namespace pollbus
