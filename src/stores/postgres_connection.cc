#include "stores/postgres_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include "base/status.h"
#include "stores/postgres_errors.h"

namespace pollbus {
namespace {

// Detects a peer that vanished after 30 s without traffic and three unanswered probes, or when data
// stays unacknowledged for 30 s.
// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS
constexpr std::pair<const char*, const char*> kSocketOptions[] = {
    {"keepalives", "1"},
    {"keepalives_idle", "30"},
    {"keepalives_interval", "10"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"},
    {"client_encoding", "UTF8"},
    {"application_name", "voting-recorder"},
};

PGconn* connect(const PostgresConfig& config) {
  const std::string port = std::to_string(config.port);
  const std::string timeout = std::to_string(config.connect_timeout.count());
  std::vector<const char*> names = {"host", "port", "dbname", "user", "connect_timeout"};
  std::vector<const char*> values = {config.host.c_str(), port.c_str(), config.database.c_str(),
                                     config.user.c_str(), timeout.c_str()};
  for (const auto& [name, value] : kSocketOptions) {
    names.push_back(name);
    values.push_back(value);
  }
  if (!config.password.empty()) {
    names.push_back("password");
    values.push_back(config.password.reveal().c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectdbParams(names.data(), values.data(), 0);
}

std::string in_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '\t', ' ');
  return text;
}

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

}  // namespace

std::optional<std::string> PostgresRows::text(int row, int column) const {
  if (PQgetisnull(result_.get(), row, column)) return std::nullopt;
  return PQgetvalue(result_.get(), row, column);
}

std::int64_t PostgresRows::number(int row, int column) const {
  std::int64_t number = 0;
  const std::string_view text = PQgetvalue(result_.get(), row, column);
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

PostgresConnection::PostgresConnection(const PostgresConfig& config, PGconn* connection)
    : where_(fmt::format("PostgreSQL at {}:{}", config.host, config.port)),
      statement_timeout_(config.statement_timeout),
      connection_(connection) {}

absl::StatusOr<PostgresConnection> PostgresConnection::open(const PostgresConfig& config) {
  PostgresConnection connection(config, connect(config));
  RETURN_IF_ERROR(connection.prepare());
  return connection;
}

absl::Status PostgresConnection::prepare() {
  PGconn* const connection = connection_.get();
  if (PQstatus(connection) != CONNECTION_OK) return broken();
  // From here on libpq's texts contain no words of the server, because those may quote rows.
  PQsetErrorVerbosity(connection, PQERRORS_SQLSTATE);
  PQsetNoticeReceiver(
      connection, [](void*, const PGresult*) {}, nullptr);
  if (PQsetnonblocking(connection, 1) != 0) return broken();
  // Overrides the defaults of server, database and role.
  return run(fmt::format("SET synchronous_commit = on; SET statement_timeout = {0};"
                         "SET max_parallel_workers_per_gather = 0;"
                         "SET idle_in_transaction_session_timeout = {0};"
                         "SET default_transaction_isolation = 'read committed'",
                         statement_timeout_.count()))
      .status();
}

absl::StatusOr<PostgresRows> PostgresConnection::run(const std::string& sql) {
  return answer(PQsendQuery(connection_.get(), sql.c_str()) == 1);
}

absl::StatusOr<PostgresRows> PostgresConnection::run(
    const std::string& sql, std::span<const PostgresParameter> parameters) {
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const PostgresParameter& parameter : parameters) {
    types.push_back(parameter.type);
    values.push_back(parameter.bytes.data());
    lengths.push_back(static_cast<int>(parameter.bytes.size()));
  }
  const std::vector<int> binary(parameters.size(), 1);
  return answer(PQsendQueryParams(connection_.get(), sql.c_str(),
                                  static_cast<int>(parameters.size()), types.data(), values.data(),
                                  lengths.data(), binary.data(), 0) == 1);
}

bool PostgresConnection::is_idle() const {
  return PQstatus(connection_.get()) == CONNECTION_OK &&
         PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
}

// Reads all results of what was sent. Returns the rows of the last one, or the first error.
absl::StatusOr<PostgresRows> PostgresConnection::answer(bool sent) {
  if (!sent) return broken();
  const SteadyTime deadline = std::chrono::steady_clock::now() + statement_timeout_ + kAnswerGrace;
  PostgresRows rows;
  absl::Status error;
  while (true) {
    RETURN_IF_ERROR(await_result(deadline));
    PGresult* const result = PQgetResult(connection_.get());
    if (result == nullptr) break;
    rows = PostgresRows(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) continue;
    error.Update(postgres_error(where_, field(result, PG_DIAG_SQLSTATE),
                                field(result, PG_DIAG_MESSAGE_PRIMARY)));
  }
  if (!error.ok()) return error;
  return rows;
}

// Sends the rest of the commands and waits until PQgetResult would not block.
absl::Status PostgresConnection::await_result(SteadyTime deadline) {
  PGconn* const connection = connection_.get();
  while (true) {
    const int unsent = PQflush(connection);
    if (unsent < 0) return broken();
    if (unsent == 0 && PQisBusy(connection) == 0) return absl::OkStatus();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd socket{.fd = PQsocket(connection),
                  .events = static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0)),
                  .revents = 0};
    const int ready = left.count() > 0 ? poll(&socket, 1, static_cast<int>(left.count())) : 0;
    if (ready == 0) {
      return absl::DeadlineExceededError(fmt::format("{} does not answer within {} ms", where_,
                                                     (statement_timeout_ + kAnswerGrace).count()));
    }
    if (ready < 0 && errno != EINTR) return broken();
    if (ready > 0 && PQconsumeInput(connection) == 0) return broken();
  }
}

absl::Status PostgresConnection::broken() const {
  return absl::UnavailableError(
      fmt::format("{}: {}", where_, in_one_line(PQerrorMessage(connection_.get()))));
}

}  // namespace pollbus
