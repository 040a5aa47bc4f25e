#include "stores/ballot_box.h"
#include "stores/voter_register.h"

namespace pollbus {
namespace {

constexpr std::int64_t kMaxPort = 65'535;

}  // namespace

void RedisConfig::add_to(Settings& settings) {
  settings.text({"redis-host", "REDIS_HOST", "HOST", "Where Redis is"}, &host, check_not_empty);
  settings.integer({"redis-port", "REDIS_PORT", "PORT", "Its port"}, &port, 1, kMaxPort);
  settings.secret({"redis-password", "REDIS_PASSWORD", "PASSWORD", "Its password, if it has one"},
                  &password);
}

void PostgresConfig::add_to(Settings& settings) {
  settings.text({"postgres-host", "POSTGRES_HOST", "HOST", "Where PostgreSQL is"}, &host,
                check_not_empty);
  settings.integer({"postgres-port", "POSTGRES_PORT", "PORT", "Its port"}, &port, 1, kMaxPort);
  settings.text({"postgres-db", "POSTGRES_DB", "NAME", "The database"}, &database, check_not_empty);
  settings.text({"postgres-user", "POSTGRES_USER", "NAME",
                 "The user, who may create tables at the first start"},
                &user, check_not_empty);
  settings.secret({"postgres-password", "POSTGRES_PASSWORD", "PASSWORD", "The user's password"},
                  &password);
}

}  // namespace pollbus
