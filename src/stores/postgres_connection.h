#pragma once

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "stores/ballot_box.h"
#include "stores/postgres_arrays.h"
#include "stores/postgres_copy.h"

namespace pollbus {

// The rows that a statement returned.
class PostgresRows {
 public:
  PostgresRows() = default;
  explicit PostgresRows(PGresult* result) : result_(result) {}

  int size() const { return PQntuples(result_.get()); }
  // std::nullopt for null.
  std::optional<std::string> text(int row, int column) const;
  // Of an integer column; 0 for null.
  std::int64_t number(int row, int column) const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// A session with one PostgreSQL server, with synchronous commit and the statement timeout of its
// configuration. After an error it can be used only if is_idle(). No call takes longer than the
// statement timeout and kAnswerGrace, whatever the server does. Not thread-safe. Errors as in
// postgres_error(), DEADLINE_EXCEEDED, and CANCELLED after a stop request.
class PostgresConnection {
 public:
  // How much longer than its own timeout a server may take before it counts as hung.
  static constexpr std::chrono::milliseconds kAnswerGrace{2'000};

  static absl::StatusOr<PostgresConnection> open(const PostgresConfig& config);

  // Runs any number of statements without parameters; returns the rows of the last one.
  absl::StatusOr<PostgresRows> run(const std::string& sql);
  // Runs one statement, and in a transaction of its own unless one is open. The statement is
  // prepared at its first use, because planning it may take longer than executing it; after that
  // it takes one round trip. Its parameters must have the same types each time.
  absl::StatusOr<PostgresRows> run(const std::string& sql,
                                   std::span<const PostgresParameter> parameters);

  // Appends rows to tables with COPY, all in one transaction. Appends none if the server does not
  // store every row: FAILED_PRECONDITION if it refuses one or a trigger discards one.
  absl::Status append(std::span<const PostgresCopy> copies);

  // For the statements that follow.
  absl::Status set_statement_timeout(std::chrono::milliseconds timeout);
  std::chrono::milliseconds statement_timeout() const { return statement_timeout_; }
  // A stop request ends a call that waits for the server, which may still execute the statement.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }

  // Whether the session is intact and in no transaction.
  bool is_idle() const;

  const std::string& where() const { return where_; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  PostgresConnection(const PostgresConfig& config, PGconn* connection);
  absl::Status prepare();
  absl::StatusOr<std::string> prepared(const std::string& sql,
                                       std::span<const PostgresParameter> parameters);
  absl::StatusOr<PostgresRows> answer(bool sent);
  absl::Status answer_copies(bool sent, std::span<const PostgresCopy> copies);
  absl::Status send(const PostgresCopy& copy);
  absl::StatusOr<PGresult*> next_result(SteadyTime deadline);
  SteadyTime answer_deadline() const;
  absl::Status error_in(const PGresult* result) const;
  absl::Status await_result(SteadyTime deadline);
  absl::Status await_socket(bool has_unsent, SteadyTime deadline);
  absl::Status broken() const;

  std::string where_;
  std::chrono::milliseconds statement_timeout_;
  std::stop_token stop_;
  std::unique_ptr<PGconn, Finish> connection_;
  std::map<std::string, std::string> prepared_;  // names of prepared statements by text
};

}  // namespace pollbus
