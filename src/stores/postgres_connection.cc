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

constexpr std::chrono::milliseconds kStopCheckInterval{100};

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
  const std::string default_mode = config.ca_file.empty() ? "prefer" : "verify-full";
  const std::pair<const char*, const std::string*> optional[] = {
      {"password", &config.password.reveal()},
      {"sslmode", config.ssl_mode.empty() ? &default_mode : &config.ssl_mode},
      {"sslrootcert", &config.ca_file},
      {"sslcert", &config.certificate_file},
      {"sslkey", &config.key_file},
  };
  for (const auto& [name, value] : optional) {
    if (value->empty()) continue;
    names.push_back(name);
    values.push_back(value->c_str());
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
                         "SET plan_cache_mode = force_generic_plan;"
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
  ASSIGN_OR_RETURN(const std::string name, prepared(sql, parameters));
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const PostgresParameter& parameter : parameters) {
    values.push_back(parameter.is_null ? nullptr : parameter.bytes.data());
    lengths.push_back(static_cast<int>(parameter.bytes.size()));
  }
  const std::vector<int> binary(parameters.size(), 1);
  return answer(PQsendQueryPrepared(connection_.get(), name.c_str(),
                                    static_cast<int>(parameters.size()), values.data(),
                                    lengths.data(), binary.data(), 0) == 1);
}

absl::StatusOr<std::string> PostgresConnection::prepared(
    const std::string& sql, std::span<const PostgresParameter> parameters) {
  if (const auto known = prepared_.find(sql); known != prepared_.end()) return known->second;
  std::vector<Oid> types;
  for (const PostgresParameter& parameter : parameters) types.push_back(parameter.type);
  const std::string name = fmt::format("pollbus_{}", prepared_.size());
  RETURN_IF_ERROR(answer(PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(),
                                       static_cast<int>(types.size()), types.data()) == 1)
                      .status());
  prepared_.emplace(sql, name);
  return name;
}

absl::Status PostgresConnection::set_statement_timeout(std::chrono::milliseconds timeout) {
  RETURN_IF_ERROR(run(fmt::format("SET statement_timeout = {}", timeout.count())).status());
  statement_timeout_ = timeout;
  return absl::OkStatus();
}

bool PostgresConnection::is_idle() const {
  return PQstatus(connection_.get()) == CONNECTION_OK &&
         PQtransactionStatus(connection_.get()) == PQTRANS_IDLE;
}

absl::Status PostgresConnection::append(std::span<const PostgresCopy> copies) {
  std::string sql = "BEGIN";
  for (const PostgresCopy& copy : copies)
    sql += fmt::format("; COPY {} FROM STDIN (FORMAT binary)", copy.table());
  absl::Status status = answer_copies(PQsendQuery(connection_.get(), sql.c_str()) == 1, copies);
  if (status.ok()) return run("COMMIT").status();
  if (PQtransactionStatus(connection_.get()) == PQTRANS_INERROR ||
      PQtransactionStatus(connection_.get()) == PQTRANS_INTRANS) {
    RETURN_IF_ERROR(run("ROLLBACK").status());
  }
  return status;
}

// Sends the rows when the server asks for them. Returns the first error, also when the server has
// stored another number of rows.
absl::Status PostgresConnection::answer_copies(bool sent, std::span<const PostgresCopy> copies) {
  if (!sent) return broken();
  const SteadyTime deadline = answer_deadline();
  absl::Status error;
  auto copy = copies.begin();
  while (true) {
    ASSIGN_OR_RETURN(PGresult* const result, next_result(deadline));
    if (result == nullptr) break;
    const PostgresRows freed(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COPY_IN) {
      RETURN_IF_ERROR(send(*copy));
    } else if (status != PGRES_COMMAND_OK) {
      error.Update(error_in(result));
    } else if (std::string_view(PQcmdStatus(result)).starts_with("COPY ")) {
      if (PQcmdTuples(result) != std::to_string(copy->rows())) {
        error.Update(
            absl::FailedPreconditionError(fmt::format("{}: a trigger has discarded rows", where_)));
      }
      ++copy;
    }
  }
  return error;
}

absl::Status PostgresConnection::send(const PostgresCopy& copy) {
  const std::string& data = copy.data();
  const bool sent =
      PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size())) == 1 &&
      PQputCopyEnd(connection_.get(), nullptr) == 1;
  return sent ? absl::OkStatus() : broken();
}

// Reads all results of what was sent. Returns the rows of the last one, or the first error.
absl::StatusOr<PostgresRows> PostgresConnection::answer(bool sent) {
  if (!sent) return broken();
  const SteadyTime deadline = answer_deadline();
  PostgresRows rows;
  absl::Status error;
  while (true) {
    ASSIGN_OR_RETURN(PGresult* const result, next_result(deadline));
    if (result == nullptr) break;
    rows = PostgresRows(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) error.Update(error_in(result));
  }
  if (!error.ok()) return error;
  return rows;
}

SteadyTime PostgresConnection::answer_deadline() const {
  return std::chrono::steady_clock::now() + statement_timeout_ + kAnswerGrace;
}

// Waits for the next result of what was sent; nullptr if there are no more. The caller must free
// it.
absl::StatusOr<PGresult*> PostgresConnection::next_result(SteadyTime deadline) {
  RETURN_IF_ERROR(await_result(deadline));
  return PQgetResult(connection_.get());
}

absl::Status PostgresConnection::error_in(const PGresult* result) const {
  return postgres_error(where_, field(result, PG_DIAG_SQLSTATE),
                        field(result, PG_DIAG_MESSAGE_PRIMARY), field(result, PG_DIAG_SOURCE_FILE),
                        field(result, PG_DIAG_CONTEXT));
}

// Sends the rest of the commands and waits until PQgetResult would not block.
absl::Status PostgresConnection::await_result(SteadyTime deadline) {
  PGconn* const connection = connection_.get();
  while (true) {
    const int unsent = PQflush(connection);
    if (unsent < 0) return broken();
    if (unsent == 0 && PQisBusy(connection) == 0) return absl::OkStatus();
    RETURN_IF_ERROR(await_socket(unsent > 0, deadline));
  }
}

// Waits until the server sends something or takes more, and reads what it has sent.
absl::Status PostgresConnection::await_socket(bool has_unsent, SteadyTime deadline) {
  using std::chrono::milliseconds;
  while (true) {
    if (stop_.stop_requested()) return absl::CancelledError("stop requested");
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return absl::DeadlineExceededError(fmt::format("{} does not answer within {} ms", where_,
                                                     (statement_timeout_ + kAnswerGrace).count()));
    }
    const milliseconds pause = stop_.stop_possible() ? std::min(left, kStopCheckInterval) : left;
    pollfd socket{.fd = PQsocket(connection_.get()),
                  .events = static_cast<short>(POLLIN | (has_unsent ? POLLOUT : 0)),
                  .revents = 0};
    const int ready = poll(&socket, 1, static_cast<int>(pause.count()));
    if (ready < 0 && errno != EINTR) return broken();
    if (ready > 0) return PQconsumeInput(connection_.get()) == 0 ? broken() : absl::OkStatus();
  }
}

absl::Status PostgresConnection::broken() const {
  return absl::UnavailableError(
      fmt::format("{}: {}", where_, in_one_line(PQerrorMessage(connection_.get()))));
}

}  // namespace pollbus
