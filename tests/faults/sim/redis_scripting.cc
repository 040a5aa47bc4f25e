#include "faults/sim/redis_scripting.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
}

namespace pollbus::faults {
namespace {

using Kind = RedisAnswer::Kind;

// What redis.call() works on while a script runs.
struct Run {
  RedisData* data = nullptr;
  std::size_t database = 0;
  RedisAnswer answer;
  std::vector<std::string> words;
};
constexpr char kRun[] = "run";

Run& run_of(lua_State* lua) {
  lua_getfield(lua, LUA_REGISTRYINDEX, kRun);
  Run* const run = static_cast<Run*>(lua_touserdata(lua, -1));
  lua_pop(lua, 1);
  return *run;
}

// The conversions of https://redis.io/docs/interact/programmability/lua-api/#data-type-conversion.
void push(lua_State* lua, const RedisAnswer& answer) {
  switch (answer.kind) {
    case Kind::kNil:
      return lua_pushboolean(lua, 0);
    case Kind::kInteger:
      return lua_pushnumber(lua, static_cast<lua_Number>(answer.integer));
    case Kind::kText:
      lua_pushlstring(lua, answer.text.data(), answer.text.size());
      return;
    case Kind::kStatus:
    case Kind::kError:
      lua_newtable(lua);
      lua_pushlstring(lua, answer.text.data(), answer.text.size());
      return lua_setfield(lua, -2, answer.kind == Kind::kError ? "err" : "ok");
    case Kind::kList:
      lua_createtable(lua, static_cast<int>(answer.list.size()), 0);
      for (std::size_t i = 0; i < answer.list.size(); ++i) {
        push(lua, answer.list[i]);
        lua_rawseti(lua, -2, static_cast<int>(i + 1));
      }
  }
}

std::string text_at(lua_State* lua, int index) {
  std::size_t size = 0;
  if (lua_type(lua, index) == LUA_TNUMBER) {
    const lua_Number number = lua_tonumber(lua, index);
    if (number == std::floor(number)) return std::to_string(static_cast<std::int64_t>(number));
    return fmt::format("{:.17g}", number);
  }
  const char* const text = lua_tolstring(lua, index, &size);
  return text == nullptr ? std::string() : std::string(text, size);
}

// The field "err" or "ok" of the table on top of the stack.
bool has_text(lua_State* lua, const char* field, std::string* text) {
  lua_getfield(lua, -1, field);
  const bool has_field = lua_isstring(lua, -1) != 0;
  if (has_field) *text = text_at(lua, -1);
  lua_pop(lua, 1);
  return has_field;
}

// What is on top of the stack, as a reply.
RedisAnswer answer_at_top(lua_State* lua) {
  switch (lua_type(lua, -1)) {
    case LUA_TNUMBER:
      return {.kind = Kind::kInteger, .integer = static_cast<std::int64_t>(lua_tonumber(lua, -1))};
    case LUA_TSTRING:
      return {.kind = Kind::kText, .text = text_at(lua, -1)};
    case LUA_TBOOLEAN:
      if (lua_toboolean(lua, -1) != 0) return {.kind = Kind::kInteger, .integer = 1};
      return {};
    case LUA_TTABLE:
      break;
    default:
      return {};
  }
  RedisAnswer answer;
  if (has_text(lua, "err", &answer.text)) answer.kind = Kind::kError;
  if (answer.kind == Kind::kError) return answer;
  if (has_text(lua, "ok", &answer.text)) answer.kind = Kind::kStatus;
  if (answer.kind == Kind::kStatus) return answer;
  answer.kind = Kind::kList;
  for (int i = 1;; ++i) {
    lua_rawgeti(lua, -1, i);
    const bool is_end = lua_isnil(lua, -1);
    if (!is_end) answer.list.push_back(answer_at_top(lua));
    lua_pop(lua, 1);
    if (is_end) return answer;
  }
}

// Carries out the command in the arguments, and pushes the reply. Everything that has a destructor
// belongs to the Run, because an error of Lua jumps over destructors.
void execute(lua_State* lua) {
  Run& run = run_of(lua);
  run.words.clear();
  for (int i = 1; i <= lua_gettop(lua); ++i) run.words.push_back(text_at(lua, i));
  run.answer = run.data->execute(&run.database, run.words);
  push(lua, run.answer);
}

int redis_pcall(lua_State* lua) {
  execute(lua);
  return 1;
}

int redis_call(lua_State* lua) {
  execute(lua);
  return run_of(lua).answer.kind == Kind::kError ? lua_error(lua) : 1;
}

}  // namespace

RedisScripting::RedisScripting() : lua_(luaL_newstate()) {
  if (lua_ == nullptr) throw std::bad_alloc();
  for (const auto& [name, library] : {std::pair<const char*, lua_CFunction>{"", luaopen_base},
                                      {LUA_STRLIBNAME, luaopen_string},
                                      {LUA_TABLIBNAME, luaopen_table},
                                      {LUA_MATHLIBNAME, luaopen_math}}) {
    lua_pushcfunction(lua_, library);
    lua_pushstring(lua_, name);
    lua_call(lua_, 1, 0);
  }
  lua_newtable(lua_);
  lua_pushcfunction(lua_, redis_call);
  lua_setfield(lua_, -2, "call");
  lua_pushcfunction(lua_, redis_pcall);
  lua_setfield(lua_, -2, "pcall");
  lua_setglobal(lua_, "redis");
}

RedisScripting::~RedisScripting() { lua_close(lua_); }

int RedisScripting::compiled(const std::string& script) {
  const auto found = compiled_.find(script);
  if (found != compiled_.end()) return found->second;
  if (luaL_loadbuffer(lua_, script.data(), script.size(), "script") != 0)
    throw std::runtime_error(lua_tostring(lua_, -1));
  return compiled_[script] = luaL_ref(lua_, LUA_REGISTRYINDEX);
}

RedisAnswer RedisScripting::run(const std::string& script, RedisData& data, std::size_t database,
                                RedisData::Words arguments) {
  Run run{.data = &data, .database = database};
  lua_pushlightuserdata(lua_, &run);
  lua_setfield(lua_, LUA_REGISTRYINDEX, kRun);
  lua_createtable(lua_, static_cast<int>(arguments.size()), 0);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    lua_pushlstring(lua_, arguments[i].data(), arguments[i].size());
    lua_rawseti(lua_, -2, static_cast<int>(i + 1));
  }
  lua_setglobal(lua_, "ARGV");
  lua_rawgeti(lua_, LUA_REGISTRYINDEX, compiled(script));
  const bool has_failed = lua_pcall(lua_, 0, 1, 0) != 0;
  RedisAnswer answer = answer_at_top(lua_);
  lua_pop(lua_, 1);
  if (!has_failed || answer.kind == Kind::kError) return answer;
  return {.kind = Kind::kError, .text = "ERR Error running script: " + answer.text};
}

}  // namespace pollbus::faults
