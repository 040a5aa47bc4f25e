#pragma once

#include <string>
#include <vector>

#include "support/server.h"

namespace pollbus::testing {

// A PostgreSQL (scripts/local-postgres), running from here on, with its data in <folder>/postgres,
// one empty database and its owner, who has a password of this server's own. initdb, which waits
// for the disk a thousand times, runs once a build: each server starts from a copy of what it made.
// stop() is a fast shutdown: it breaks open connections.
class PostgresServer : public Server {
 public:
  explicit PostgresServer(const std::filesystem::path& folder);

  int port() const { return port_; }
  const std::string& user() const { return name_; }
  const std::string& database() const { return name_; }
  const std::string& password() const { return password_; }
  // {"POSTGRES_HOST": …, …} as a service of ours takes them.
  Environment environment() const;

  // Makes it silent, with each process that serves a connection, and lets it go on.
  void freeze() { signal_all(SIGSTOP); }
  void thaw() { signal_all(SIGCONT); }

  using Row = std::vector<std::string>;
  // Runs one statement on a connection of its own; NULL comes as an empty text.
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
