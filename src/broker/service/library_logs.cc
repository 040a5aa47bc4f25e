#include "broker/service/library_logs.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <atomic>
#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/logging.h"

namespace pollbus::broker {
namespace {

constexpr std::chrono::seconds kWarningInterval{10};

bool may_warn() {
  static std::atomic<SteadyTime> next{SteadyTime::min()};
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime due = next.load();
  return now >= due && next.compare_exchange_strong(due, now + kWarningInterval);
}

void log_line(const char* library, bool is_error, const std::string& message) {
  log(is_error && may_warn() ? LogLevel::kWarning : LogLevel::kDebug, library,
      {{"message", message}});
}

void log_for_grpc(gpr_log_func_args* line) {
  log_line("grpc", line->severity == GPR_LOG_SEVERITY_ERROR, line->message);
}

void log_for_protobuf(google::protobuf::LogLevel level, const char* /*file*/, int /*line*/,
                      const std::string& message) {
  log_line("protobuf", level >= google::protobuf::LOGLEVEL_ERROR, message);
}

}  // namespace

void log_libraries() {
  gpr_set_log_function(log_for_grpc);
  google::protobuf::SetLogHandler(log_for_protobuf);
}

}  // namespace pollbus::broker
