#include "stores/ballot_box.h"
#include "stores/voter_register.h"

namespace pollbus {

void RedisConfig::add_to(Settings& settings) {
  settings.text({"redis-host", "REDIS_HOST", "HOST", "Host of Redis"}, &host, check_not_empty);
  settings.integer({"redis-port", "REDIS_PORT", "PORT", "Port of the server"}, &port, 1, kMaxPort);
  settings.secret(
      {"redis-password", "REDIS_PASSWORD", "PASSWORD", "Password of Redis, if it requires one"},
      &password);
}

void PostgresConfig::add_to(Settings& settings) {
  settings.text({"postgres-host", "POSTGRES_HOST", "HOST", "Host of PostgreSQL"}, &host,
                check_not_empty);
  settings.integer({"postgres-port", "POSTGRES_PORT", "PORT", "Port of the server"}, &port, 1,
                   kMaxPort);
  settings.text({"postgres-db", "POSTGRES_DB", "NAME", "Name of the database"}, &database,
                check_not_empty);
  settings.text({"postgres-user", "POSTGRES_USER", "NAME",
                 "The database user, which must be allowed to create tables at the first start"},
                &user, check_not_empty);
  settings.secret(
      {"postgres-password", "POSTGRES_PASSWORD", "PASSWORD", "Password of the database user"},
      &password);
}

}  // namespace pollbus
