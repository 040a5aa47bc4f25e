#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pollbus::faults {

// A reply of Redis.
struct RedisAnswer {
  enum class Kind { kNil, kStatus, kError, kInteger, kText, kList };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text;  // of kStatus, kError and kText
  std::vector<RedisAnswer> list;
};

// As bytes of the protocol (https://redis.io/docs/reference/protocol-spec/, version 2).
std::string encoded(const RedisAnswer& answer);

// What a Redis server holds, and the commands that Pollbus uses. Does exactly what Redis 7 does
// with them (https://redis.io/commands/); any other command is an error. Not thread-safe.
class RedisData {
 public:
  using Words = std::span<const std::string>;
  using Hash = std::map<std::string, std::string>;
  using List = std::vector<std::string>;
  using Set = std::set<std::string>;
  using Value = std::variant<std::string, Hash, List, Set>;
  using Database = std::map<std::string, Value>;

  static constexpr std::size_t kDatabases = 2;

  // Carries out one command. `database` is the one that its connection has selected.
  RedisAnswer execute(std::size_t* database, Words words);

  const Database& database(std::size_t number) const { return databases_.at(number); }
  Database& database(std::size_t number) { return databases_.at(number); }

  // The answer to TIME.
  std::function<RedisAnswer()> time;
  // Called after a key got a new text, and after an element was appended to a list.
  std::function<void(const std::string& key)> on_text = [](const std::string&) {};
  std::function<void(const std::string& key, const std::string& element)> on_append =
      [](const std::string&, const std::string&) {};
  // Mistakes of a mutant: a key that is there is overwritten; and the hashes of elections are read
  // from this older copy, if there is one.
  bool overwrites = false;
  const Database* old_elections = nullptr;

 private:
  struct Command;
  static const std::map<std::string_view, Command>& commands();

  std::array<Database, kDatabases> databases_;
};

}  // namespace pollbus::faults
