#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "stores/ballot_box.h"
#include "stores/postgres_arrays.h"

namespace pollbus {

// The rows that a statement returned, as text.
class PostgresRows {
 public:
  PostgresRows() = default;
  explicit PostgresRows(PGresult* result) : result_(result) {}

  int size() const { return PQntuples(result_.get()); }
  // std::nullopt: null.
  std::optional<std::string> text(int row, int column) const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

// A session with one PostgreSQL server, with synchronous commit and the statement timeout of its
// configuration. After any error it is of no more use. Waits no longer than the statement timeout
// and kAnswerGrace, whatever the server does. Not thread-safe. Errors as postgres_error has them,
// and DEADLINE_EXCEEDED.
class PostgresConnection {
 public:
  // What a server may take on top of its own timeout before we take it for hung.
  static constexpr std::chrono::milliseconds kAnswerGrace{2'000};

  static absl::StatusOr<PostgresConnection> open(const PostgresConfig& config);

  // Any number of statements without parameters; the rows of the last one.
  absl::StatusOr<PostgresRows> run(const std::string& sql);
  // One statement, in one round trip and, unless one is open, a transaction of its own.
  absl::StatusOr<PostgresRows> run(const std::string& sql,
                                   std::span<const PostgresParameter> parameters);

  const std::string& where() const { return where_; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  PostgresConnection(const PostgresConfig& config, PGconn* connection);
  absl::Status prepare();
  absl::StatusOr<PostgresRows> answer(bool sent);
  absl::Status await_result(SteadyTime deadline);
  absl::Status broken() const;

  std::string where_;
  std::chrono::milliseconds statement_timeout_;
  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace pollbus
