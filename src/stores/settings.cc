#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "stores/ballot_box.h"
#include "stores/voter_register.h"

namespace pollbus {
namespace {

constexpr std::size_t kMaxRedisServers = 100;

constexpr std::array kSslModes = {"disable", "allow",     "prefer",
                                  "require", "verify-ca", "verify-full"};

std::optional<std::string> check_ssl_mode(const std::string& value) {
  if (std::ranges::find(kSslModes, value) != kSslModes.end()) return std::nullopt;
  return "expected disable, allow, prefer, require, verify-ca or verify-full";
}

std::optional<std::string> check_readable(const std::string& file) {
  if (::access(file.c_str(), R_OK) == 0) return std::nullopt;
  return "expected a file that this process can read";
}

// What is wrong with the settings of TLS together.
std::optional<std::string> problem_with_tls(const PostgresConfig& config) {
  if (config.certificate_file.empty() != config.key_file.empty())
    return "POSTGRES_CERT_FILE, POSTGRES_KEY_FILE: expected both or neither";
  if (config.ssl_mode.starts_with("verify-") && config.ca_file.empty())
    return "POSTGRES_CA_FILE: expected, because POSTGRES_SSLMODE is " + config.ssl_mode;
  return std::nullopt;
}

}  // namespace

void RedisConfig::add_to(Settings& settings) {
  settings.text({"redis-host", "REDIS_HOST", "HOST", "Host of Redis"}, &host, check_not_empty);
  settings.integer({"redis-port", "REDIS_PORT", "PORT", "Port of the server"}, &port, 1, kMaxPort);
  settings.texts(
      {"redis-hosts", "REDIS_HOSTS", "HOST:PORT,…",
       "Redis servers that share the register, instead of REDIS_HOST and REDIS_PORT; the "
       "same list in the same order for all loggers, for the whole election"},
      &hosts, check_host_and_port);
  settings.text({"redis-user", "REDIS_USER", "NAME", "User of Redis; the default user if not set"},
                &user);
  settings.secret(
      {"redis-password", "REDIS_PASSWORD", "PASSWORD", "Password of Redis, if it requires one"},
      &password);
  settings.boolean({"redis-tls", "REDIS_TLS", "", "Connect to Redis with TLS"}, &tls.is_on);
  settings.text({"redis-ca-file", "REDIS_CA_FILE", "FILE",
                 "Certificate authority of Redis (PEM), which means TLS; with REDIS_TLS alone, the "
                 "system's authorities"},
                &tls.authority);
  settings.text({"redis-cert-file", "REDIS_CERT_FILE", "FILE",
                 "Certificate to show to Redis (PEM), if it asks for one"},
                &tls.certificate);
  settings.text({"redis-key-file", "REDIS_KEY_FILE", "FILE", "Its private key (PEM)"}, &tls.key);
  settings.rule([this]() -> std::optional<std::string> {
    if (tls.certificate.empty() == tls.key.empty()) return std::nullopt;
    return "REDIS_CERT_FILE and REDIS_KEY_FILE must be given together";
  });
  settings.rule([this]() -> std::optional<std::string> {
    if (hosts.size() > kMaxRedisServers)
      return fmt::format("REDIS_HOSTS: expected at most {} servers", kMaxRedisServers);
    for (auto each = hosts.begin(); each != hosts.end(); ++each) {
      if (std::find(hosts.begin(), each, *each) != each)
        return fmt::format("REDIS_HOSTS: expected each server once, not {} twice", *each);
    }
    return std::nullopt;
  });
}

std::string RedisConfig::where() const {
  if (hosts.empty()) return format_host_and_port(host, port);
  return fmt::format("{}", fmt::join(hosts, ", "));
}

void PostgresConfig::add_to(Settings& settings) {
  settings.text({"postgres-host", "POSTGRES_HOST", "HOST", "Host of PostgreSQL"}, &host,
                check_not_empty);
  settings.integer({"postgres-port", "POSTGRES_PORT", "PORT", "Port of the server"}, &port, 1,
                   kMaxPort);
  settings.text({"postgres-db", "POSTGRES_DB", "NAME", "Name of the database"}, &database,
                check_not_empty);
  settings.text({"postgres-user", "POSTGRES_USER", "NAME",
                 "The database user. If it may create tables, it sets up and migrates the database "
                 "at the start; otherwise the owner must run voting-recorder --migrate"},
                &user, check_not_empty);
  settings.secret(
      {"postgres-password", "POSTGRES_PASSWORD", "PASSWORD", "Password of the database user"},
      &password);
  settings.text(
      {"postgres-sslmode", "POSTGRES_SSLMODE", "MODE",
       "TLS to PostgreSQL, as libpq's sslmode: disable, allow, prefer, require, verify-ca "
       "or verify-full; by default verify-full with a CA file, otherwise prefer"},
      &ssl_mode, check_ssl_mode);
  settings.text({"postgres-ca-file", "POSTGRES_CA_FILE", "FILE",
                 "The certificate authorities that PostgreSQL's certificate must come from"},
                &ca_file, check_readable);
  settings.text({"postgres-cert-file", "POSTGRES_CERT_FILE", "FILE",
                 "This process's own certificate, if PostgreSQL asks for one"},
                &certificate_file, check_readable);
  settings.text({"postgres-key-file", "POSTGRES_KEY_FILE", "FILE", "The key of that certificate"},
                &key_file, check_readable);
  settings.rule([this] { return problem_with_tls(*this); });
}

}  // namespace pollbus
