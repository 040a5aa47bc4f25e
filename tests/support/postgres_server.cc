#include "support/postgres_server.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "support/ports.h"

namespace pollbus::testing {
namespace {

constexpr auto kName = "pollbus";
// Tests look for it in logs, where it must not be.
constexpr auto kPassword = "postgres-password-of-the-tests";
constexpr auto kConnectTimeoutSeconds = "2";

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Also false while it recovers, when PQping says that it rejects connections.
bool answers(int port) {
  const std::string text = std::to_string(port);
  const std::array keys{"host", "port", "dbname", "connect_timeout",
                        static_cast<const char*>(nullptr)};
  const std::array values{"127.0.0.1", text.c_str(), kName, kConnectTimeoutSeconds,
                          static_cast<const char*>(nullptr)};
  return ::PQpingParams(keys.data(), values.data(), 0) == PQPING_OK;
}

}  // namespace

PostgresServer::PostgresServer(const std::filesystem::path& folder)
    : PostgresServer(folder, free_port()) {}

PostgresServer::PostgresServer(const std::filesystem::path& folder, int port)
    : Server(
          {.name = "postgres",
           .folder = folder,
           .argv = {POLLBUS_SCRIPTS "/local-postgres", folder / "postgres", std::to_string(port)},
           .environment = {{"POSTGRES_USER", kName},
                           {"POSTGRES_DB", kName},
                           {"POSTGRES_PASSWORD", kPassword}},
           .stop_signal = SIGINT,
           .answers = [port] { return testing::answers(port); }}),
      name_(kName),
      password_(kPassword),
      port_(port) {
  start();
}

Environment PostgresServer::environment() const {
  return {{"POSTGRES_HOST", "127.0.0.1"},
          {"POSTGRES_PORT", std::to_string(port_)},
          {"POSTGRES_DB", name_},
          {"POSTGRES_USER", name_},
          {"POSTGRES_PASSWORD", password_}};
}

std::vector<PostgresServer::Row> PostgresServer::query(const std::string& sql) const {
  const auto url = fmt::format("host=127.0.0.1 port={} dbname={} user={} password={}", port_, name_,
                               name_, password_);
  const Connection connection(::PQconnectdb(url.c_str()), &PQfinish);
  const Result result(::PQexec(connection.get(), sql.c_str()), &PQclear);
  const auto status = ::PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    throw std::runtime_error(fmt::format("{}: {}", sql, ::PQerrorMessage(connection.get())));
  }
  std::vector<Row> rows(static_cast<std::size_t>(::PQntuples(result.get())));
  for (int row = 0; row < ::PQntuples(result.get()); ++row) {
    for (int column = 0; column < ::PQnfields(result.get()); ++column) {
      rows[static_cast<std::size_t>(row)].emplace_back(::PQgetvalue(result.get(), row, column));
    }
  }
  return rows;
}

}  // namespace pollbus::testing
