#include "faults/sim/redis_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace pollbus::faults {
namespace {

using Kind = RedisAnswer::Kind;
using Words = RedisData::Words;
using Database = RedisData::Database;

RedisAnswer nil() { return {}; }
RedisAnswer ok() { return {.kind = Kind::kStatus, .text = "OK"}; }
RedisAnswer error(std::string text) { return {.kind = Kind::kError, .text = std::move(text)}; }
RedisAnswer number(std::size_t value) {
  return {.kind = Kind::kInteger, .integer = static_cast<std::int64_t>(value)};
}
RedisAnswer text(std::string value) { return {.kind = Kind::kText, .text = std::move(value)}; }

struct WrongType {};

std::int64_t integer_of(const std::string& word) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (failure != std::errc() || end != word.data() + word.size())
    throw std::invalid_argument("value is not an integer or out of range");
  return value;
}

// The value of a key; nullptr if there is none. Throws WrongType if it is of another type.
template <typename Type>
Type* find(Database& database, const std::string& key) {
  const auto found = database.find(key);
  if (found == database.end()) return nullptr;
  auto* const value = std::get_if<Type>(&found->second);
  if (value == nullptr) throw WrongType();
  return value;
}

template <typename Type>
Type& make(Database& database, const std::string& key) {
  if (Type* const found = find<Type>(database, key)) return *found;
  return std::get<Type>(database.emplace(key, Type()).first->second);
}

RedisAnswer field_of(const RedisData::Hash* hash, const std::string& field) {
  if (hash == nullptr) return nil();
  const auto found = hash->find(field);
  return found == hash->end() ? nil() : text(found->second);
}

template <typename Elements>
RedisAnswer list_of(const Elements& elements) {
  RedisAnswer answer{.kind = Kind::kList};
  for (const std::string& element : elements) answer.list.push_back(text(element));
  return answer;
}

}  // namespace

std::string encoded(const RedisAnswer& answer) {
  switch (answer.kind) {
    case Kind::kNil:
      return "$-1\r\n";
    case Kind::kStatus:
      return "+" + answer.text + "\r\n";
    case Kind::kError:
      return "-" + answer.text + "\r\n";
    case Kind::kInteger:
      return fmt::format(":{}\r\n", answer.integer);
    case Kind::kText:
      return fmt::format("${}\r\n{}\r\n", answer.text.size(), answer.text);
    case Kind::kList:
      break;
  }
  std::string bytes = fmt::format("*{}\r\n", answer.list.size());
  for (const RedisAnswer& element : answer.list) bytes += encoded(element);
  return bytes;
}

struct RedisData::Command {
  std::size_t least_words;
  RedisAnswer (*run)(RedisData& data, Database& database, Words words);
};

const std::map<std::string_view, RedisData::Command>& RedisData::commands() {
  static const std::map<std::string_view, Command> kCommands = {
      {"TIME", {1, [](RedisData& data, Database&, Words) { return data.time(); }}},
      {"DBSIZE", {1, [](RedisData&, Database& db, Words) { return number(db.size()); }}},
      {"EXISTS",
       {2, [](RedisData&, Database& db, Words words) { return number(db.count(words[1])); }}},
      {"UNLINK",
       {2, [](RedisData&, Database& db, Words words) { return number(db.erase(words[1])); }}},
      {"GET",
       {2,
        [](RedisData&, Database& db, Words words) {
          const auto* const value = find<std::string>(db, words[1]);
          return value == nullptr ? nil() : text(*value);
        }}},
      {"SETNX",
       {3,
        [](RedisData& data, Database& db, Words words) {
          if (!data.overwrites && db.contains(words[1])) return number(0);
          db.insert_or_assign(words[1], words[2]);
          data.on_text(words[1]);
          return number(1);
        }}},
      {"MSETNX",
       {3,
        [](RedisData& data, Database& db, Words words) {
          for (std::size_t i = 1; i < words.size(); i += 2) {
            if (!data.overwrites && db.contains(words[i])) return number(0);
          }
          for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
            db.insert_or_assign(words[i], words[i + 1]);
            data.on_text(words[i]);
          }
          return number(1);
        }}},
      {"HGET",
       {3, [](RedisData&, Database& db,
              Words words) { return field_of(find<Hash>(db, words[1]), words[2]); }}},
      {"HMGET",
       {3,
        [](RedisData& data, Database& db, Words words) {
          const bool is_old =
              data.old_elections != nullptr && words[1].starts_with("pollbus:election:");
          // Nothing is changed: find() serves readers and writers.
          auto& source = is_old ? const_cast<Database&>(*data.old_elections) : db;
          const auto* const hash = find<Hash>(source, words[1]);
          RedisAnswer answer{.kind = Kind::kList};
          for (const std::string& field : words.subspan(2))
            answer.list.push_back(field_of(hash, field));
          return answer;
        }}},
      {"HGETALL",
       {2,
        [](RedisData&, Database& db, Words words) {
          RedisAnswer answer{.kind = Kind::kList};
          const auto* const hash = find<Hash>(db, words[1]);
          if (hash == nullptr) return answer;
          for (const auto& [field, value] : *hash) {
            answer.list.push_back(text(field));
            answer.list.push_back(text(value));
          }
          return answer;
        }}},
      {"HLEN",
       {2,
        [](RedisData&, Database& db, Words words) {
          const auto* const hash = find<Hash>(db, words[1]);
          return number(hash == nullptr ? 0 : hash->size());
        }}},
      {"HSET",
       {4,
        [](RedisData&, Database& db, Words words) {
          Hash& hash = make<Hash>(db, words[1]);
          std::size_t added = 0;
          for (std::size_t i = 2; i + 1 < words.size(); i += 2)
            added += hash.insert_or_assign(words[i], words[i + 1]).second ? 1 : 0;
          return number(added);
        }}},
      {"HDEL",
       {3,
        [](RedisData&, Database& db, Words words) {
          auto* const hash = find<Hash>(db, words[1]);
          if (hash == nullptr) return number(0);
          const std::size_t removed = hash->erase(words[2]);
          if (hash->empty()) db.erase(words[1]);
          return number(removed);
        }}},
      {"HINCRBY",
       {4,
        [](RedisData&, Database& db, Words words) {
          std::string& value = make<Hash>(db, words[1])[words[2]];
          const std::int64_t sum = (value.empty() ? 0 : integer_of(value)) + integer_of(words[3]);
          value = std::to_string(sum);
          return RedisAnswer{.kind = Kind::kInteger, .integer = sum};
        }}},
      {"SADD",
       {3,
        [](RedisData&, Database& db, Words words) {
          return number(make<Set>(db, words[1]).insert(words[2]).second ? 1 : 0);
        }}},
      {"SREM",
       {3,
        [](RedisData&, Database& db, Words words) {
          auto* const set = find<Set>(db, words[1]);
          if (set == nullptr) return number(0);
          const std::size_t removed = set->erase(words[2]);
          if (set->empty()) db.erase(words[1]);
          return number(removed);
        }}},
      {"SMEMBERS",
       {2,
        [](RedisData&, Database& db, Words words) {
          const auto* const set = find<Set>(db, words[1]);
          return list_of(set == nullptr ? Set() : *set);
        }}},
      {"RPUSH",
       {3,
        [](RedisData& data, Database& db, Words words) {
          List& list = make<List>(db, words[1]);
          list.push_back(words[2]);
          data.on_append(words[1], words[2]);
          return number(list.size());
        }}},
      {"LRANGE",
       {4,
        [](RedisData&, Database& db, Words words) {
          const auto* const list = find<List>(db, words[1]);
          const std::int64_t size = list == nullptr ? 0 : std::ssize(*list);
          const auto index = [size](std::int64_t i) { return i < 0 ? size + i : i; };
          const std::int64_t first = std::max<std::int64_t>(index(integer_of(words[2])), 0);
          const std::int64_t last = std::min(index(integer_of(words[3])), size - 1);
          if (first > last) return list_of(List());
          return list_of(List(list->begin() + first, list->begin() + last + 1));
        }}},
  };
  return kCommands;
}

RedisAnswer RedisData::execute(std::size_t* database, Words words) try {
  if (words.empty()) return error("ERR unknown command ''");
  if (words[0] == "SELECT" && words.size() == 2) {
    const std::int64_t wanted = integer_of(words[1]);
    if (wanted < 0 || wanted >= static_cast<std::int64_t>(kDatabases))
      return error("ERR DB index is out of range");
    *database = static_cast<std::size_t>(wanted);
    return ok();
  }
  const auto command = commands().find(words[0]);
  if (command == commands().end()) return error("ERR unknown command '" + words[0] + "'");
  if (words.size() < command->second.least_words)
    return error("ERR wrong number of arguments for '" + words[0] + "' command");
  return command->second.run(*this, databases_.at(*database), words);
} catch (const WrongType&) {
  return error("WRONGTYPE Operation against a key holding the wrong kind of value");
} catch (const std::invalid_argument& failure) {
  return error(std::string("ERR ") + failure.what());
}

}  // namespace pollbus::faults
