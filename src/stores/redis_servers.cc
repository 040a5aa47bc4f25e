#include "stores/redis_servers.h"

#include <sodium.h>

#include <array>

#include "base/byte_order.h"
#include "base/text.h"

namespace pollbus {

std::vector<RedisConfig> servers_of(const RedisConfig& config) {
  if (config.hosts.empty()) return {config};
  std::vector<RedisConfig> servers;
  for (const std::string& each : config.hosts) {
    const HostAndPort address = parse_host_and_port(each).value_or(HostAndPort{});
    RedisConfig& server = servers.emplace_back(config);
    server.host = address.host;
    server.port = address.port;
    server.hosts.clear();
    server.number = std::ssize(servers);
    server.servers = std::ssize(config.hosts);
  }
  return servers;
}

std::size_t server_of(std::int64_t election, std::int64_t voter, std::size_t servers) {
  static constexpr std::array<unsigned char, crypto_shorthash_KEYBYTES> kKey{};
  std::string bytes;
  append_big_endian(bytes, election);
  append_big_endian(bytes, voter);
  std::array<unsigned char, crypto_shorthash_BYTES> hash;
  crypto_shorthash(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   kKey.data());
  const std::string_view text(reinterpret_cast<const char*>(hash.data()), hash.size());
  return from_big_endian<std::uint64_t>(text) % servers;
}

std::unique_ptr<VoterRegister> make_redis_voter_register(const RedisConfig& config,
                                                         const KeyedHash& key_check) {
  std::vector<std::unique_ptr<RedisVoterServer>> servers;
  for (RedisConfig& server : servers_of(config))
    servers.push_back(make_redis_voter_server(std::move(server), key_check));
  if (servers.size() == 1) return std::move(servers.front());
  return make_sharded_voter_register(std::move(servers));
}

std::unique_ptr<ElectionRegister> make_redis_election_register(const RedisConfig& config) {
  std::vector<std::unique_ptr<RedisElectionServer>> servers;
  for (RedisConfig& server : servers_of(config))
    servers.push_back(make_redis_election_server(std::move(server)));
  if (servers.size() == 1) return std::move(servers.front());
  return make_sharded_election_register(std::move(servers));
}

}  // namespace pollbus
