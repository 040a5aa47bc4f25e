#include "support/postgres_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "support/ports.h"
#include "support/random_hex.h"

namespace pollbus::testing {
namespace {

constexpr auto kName = "pollbus";
constexpr auto kTemplatePassword = "password-of-the-template";
constexpr std::size_t kPasswordBytes = 12;
constexpr auto kProgram = POLLBUS_SCRIPTS "/local-postgres";
constexpr std::chrono::seconds kCopyDeadline{60};
constexpr auto kConnectTimeoutSeconds = "2";

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Also false during recovery, when PQping says that the server rejects connections.
bool answers(int port) {
  const std::string text = std::to_string(port);
  const std::array keys{"host", "port", "dbname", "connect_timeout",
                        static_cast<const char*>(nullptr)};
  const std::array values{"127.0.0.1", text.c_str(), kName, kConnectTimeoutSeconds,
                          static_cast<const char*>(nullptr)};
  return ::PQpingParams(keys.data(), values.data(), 0) == PQPING_OK;
}

// The server whose data others are copied from.
class Template : public Server {
 public:
  Template(const std::filesystem::path& folder, int port)
      : Server({.name = "postgres-template",
                .folder = folder,
                .argv = {kProgram, folder / "postgres", std::to_string(port)},
                .environment = {{"POSTGRES_USER", kName},
                                {"POSTGRES_DB", kName},
                                {"POSTGRES_PASSWORD", kTemplatePassword}},
                .stop_signal = SIGINT,
                .answers = [port] { return testing::answers(port); }}) {}
};

// A lock that one process at a time holds, until this object ends.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (file_ < 0 || ::flock(file_, LOCK_EX) != 0) {
      throw std::system_error(errno, std::generic_category(), path.string());
    }
  }
  ~FileLock() { ::close(file_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

// Created if it is missing. Each version of the script has its own template.
std::filesystem::path template_folder() {
  std::stringstream script;
  script << std::ifstream(kProgram).rdbuf();
  std::filesystem::path folder = fmt::format("{}/postgres-template-{:x}", POLLBUS_TEST_DATA,
                                             std::hash<std::string>()(script.str()));
  std::filesystem::create_directories(POLLBUS_TEST_DATA);
  const FileLock lock(folder.string() + ".lock");
  if (std::filesystem::exists(folder)) return folder;
  const std::filesystem::path unfinished = folder.string() + ".new";
  std::filesystem::remove_all(unfinished);
  Template server(unfinished, free_port());
  server.start();
  server.stop();
  std::filesystem::rename(unfinished, folder);
  return folder;
}

void copy_template_to(const std::filesystem::path& folder) {
  const std::filesystem::path source = template_folder() / "postgres";
  // If the script had to put the data elsewhere, each server runs initdb itself.
  if (std::filesystem::is_symlink(source / "data")) return;
  std::filesystem::create_directories(folder);
  ChildProcess copy({"cp", "-a", "--reflink=auto", source, folder / "postgres"}, {},
                    folder / "postgres.log");
  if (copy.wait(kCopyDeadline) != 0) throw std::runtime_error("cannot copy " + source.string());
}

}  // namespace

PostgresServer::PostgresServer(const std::filesystem::path& folder)
    : PostgresServer(folder, free_port()) {}

PostgresServer::PostgresServer(const std::filesystem::path& folder, int port)
    : Server({.name = "postgres",
              .folder = folder,
              .argv = {kProgram, folder / "postgres", std::to_string(port)},
              .environment = {{"POSTGRES_USER", kName},
                              {"POSTGRES_DB", kName},
                              {"POSTGRES_PASSWORD", kTemplatePassword}},
              .stop_signal = SIGINT,
              .answers = [port] { return testing::answers(port); }}),
      name_(kName),
      password_(kTemplatePassword),
      port_(port) {
  copy_template_to(folder);
  start();
  change_password(random_hex(kPasswordBytes));
}

void PostgresServer::change_password(const std::string& password) {
  query(fmt::format("ALTER ROLE {} PASSWORD '{}'", name_, password));
  password_ = password;
}

// The process of each connection has its own process group.
void PostgresServer::signal_all(int number) {
  signal(number);
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid()));
  for (pid_t child = 0; children >> child;) ::kill(child, number);
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
