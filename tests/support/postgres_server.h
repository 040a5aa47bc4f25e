#pragma once

#include <string>
#include <vector>

#include "support/server.h"

namespace pollbus::testing {

// A running PostgreSQL (scripts/local-postgres) with its data in <folder>/postgres, one empty
// database and its owner with a random password. initdb is slow and runs once per build: each
// server starts with a copy of its result. stop() is a fast shutdown, which breaks open
// connections.
class PostgresServer : public Server {
 public:
  explicit PostgresServer(const std::filesystem::path& folder);

  int port() const { return port_; }
  const std::string& user() const { return name_; }
  const std::string& database() const { return name_; }
  const std::string& password() const { return password_; }
  // {"POSTGRES_HOST": …, …} as the services expect them.
  Environment environment() const;

  // Freezes the server with all its connections, and lets it continue.
  void freeze() { signal_all(SIGSTOP); }
  void thaw() { signal_all(SIGCONT); }

  using Row = std::vector<std::string>;
  // Runs one statement on a new connection. NULL is returned as an empty text.
  std::vector<Row> query(const std::string& sql) const;

 private:
  PostgresServer(const std::filesystem::path& folder, int port);
  void signal_all(int number);
  void change_password(const std::string& password);

  std::string name_;
  std::string password_;
  int port_;
};

}  // namespace pollbus::testing
