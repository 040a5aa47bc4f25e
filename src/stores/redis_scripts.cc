#include "stores/redis_scripts.h"

namespace pollbus::redis_scripts {

const std::string_view kMark = R"lua(
local call, pcall, byte, sub = redis.call, redis.pcall, string.byte, string.sub
local election, known, votes, flags, codes = ARGV[1], ARGV[2], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local is_distinct = ARGV[7] == 'distinct'
local first, last = 8, 2 * votes + 7  -- of the votes' keys and fingerprints in ARGV
local function holds_something_else(answer)
  return type(answer) == 'table' and answer.err and sub(answer.err, 1, 9) == 'WRONGTYPE'
end

-- Why no new vote is accepted, and why a certain one is not.
local all_refused
local refused, refused_before = {}, {}
local is_anyone_refused = false
local is_final = false

local key_of_state = 'pollbus:election:' .. election
local state = pcall('HMGET', key_of_state, 'version', 'open_from_ms', 'open_until_ms', 'paused',
                    'roll', 'codes', 'seen_closed')
if state.err and not holds_something_else(state) then return state end
local version = state[1]
if version and version ~= known then return {version} end

if state.err or ARGV[3] == 'unreadable' then
  all_refused = 'r'
elseif not version then
  if ARGV[3] == 'defined' then all_refused = 'u' end
else
  local time = call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local from, til = tonumber(state[2]), tonumber(state[3])
  -- If the clock is set back, an election that was closed by it stays closed.
  if til and (now >= til or state[7] == state[3]) then
    all_refused = 'c'
    is_final = til == 0
    if state[7] ~= state[3] then call('HSET', key_of_state, 'seen_closed', state[3]) end
  elseif state[4] then
    all_refused = 'p'
  elseif not from or now < from then
    all_refused = 'n'
  end
end

-- A vote that was refused stays refused, whatever happens to the election: its voter was told.
local refusals = 'pollbus:refused:' .. election
if version and call('EXISTS', refusals) == 1 then
  local command = {'HMGET', refusals}
  for i = 1, votes do command[i + 2] = ARGV[2 * i + 7] end
  local answer = pcall(unpack(command))
  if answer.err and not holds_something_else(answer) then return answer end
  if answer.err then all_refused = 'r' else refused_before = answer end
  for i = 1, votes do is_anyone_refused = is_anyone_refused or refused_before[i] end
end

if version then
  local has_roll, has_codes, rest = state[5], state[6], 2 * votes + 6
  for i = 1, votes do
    local flag = byte(flags, i) - 48
    if has_roll then
      local entry = pcall('HGET', ARGV[2 * i + rest], ARGV[2 * i + rest + 1])
      if type(entry) == 'table' then
        if not holds_something_else(entry) then return entry end
        refused[i] = 'r'
      elseif not entry then
        refused[i] = 'l'
      elseif has_codes and (flag < 2 or entry ~= sub(codes, 8 * i - 7, 8 * i)) then
        refused[i] = 'k'
      end
    end
    if not refused[i] and flag % 2 == 0 then refused[i] = 'x' end
    is_anyone_refused = is_anyone_refused or refused[i]
  end
end

-- The usual case in one command: no voter of the batch is marked. If some votes are refused, the
-- others are marked so.
call('SELECT', 0)
local accepted = ARGV
if is_anyone_refused then
  accepted, first, last = {}, 1, 0
  for i = 1, votes do
    if not refused[i] and not refused_before[i] then
      accepted[last + 1], accepted[last + 2] = ARGV[2 * i + 6], ARGV[2 * i + 7]
      last = last + 2
    end
  end
end
local is_made, fresh, failure = false, 0, nil
if is_distinct and not all_refused and last > first then
  local made = pcall('MSETNX', unpack(accepted, first, last))
  if type(made) == 'table' then return made end
  is_made = made == 1
  if is_made then fresh = (last - first + 1) / 2 end
end

-- Otherwise one after the other.
local outcomes = {}
local new_refusals = {'HSET', refusals}
for i = 1, fresh < votes and votes or 0 do
  local why = refused_before[i] or all_refused or refused[i]
  if is_made and not why then
    outcomes[i] = 'm'
  else
    local key, fingerprint = ARGV[2 * i + 6], ARGV[2 * i + 7]
    local made = 0
    if not why then made = pcall('SETNX', key, fingerprint) end
    local before = false
    if made == 0 then before = pcall('GET', key) end
    if made == 1 then
      outcomes[i] = 'm'
      fresh = fresh + 1
    elseif made ~= 0 then
      failure = made
      break
    elseif before == fingerprint then
      outcomes[i] = 's'
    elseif type(before) == 'table' and not holds_something_else(before) then
      failure = before
      break
    elseif type(before) == 'string' and #before == #fingerprint and not refused_before[i] and
        not refused[i] then
      outcomes[i] = 'o'
    elseif why then
      outcomes[i] = why
      if not refused_before[i] and not is_final and why ~= 'x' and why ~= 'r' then
        new_refusals[#new_refusals + 1] = fingerprint
        new_refusals[#new_refusals + 1] = why
      end
    else
      outcomes[i] = 'r'
    end
  end
end
call('SELECT', 1)
if fresh > 0 then call('HINCRBY', 'pollbus:marks', election, fresh) end
if #new_refusals > 2 and call('HLEN', refusals) < 1000000 then call(unpack(new_refusals)) end
if fresh == votes then return string.rep('m', votes) end
return failure or table.concat(outcomes)
)lua";

const std::string_view kIdentify = R"lua(
local call = redis.call
local is_new = call('SETNX', 'pollbus:key-check', ARGV[1]) == 1
if is_new and ARGV[2] ~= '' then call('SETNX', 'pollbus:server', ARGV[2]) end
return {call('GET', 'pollbus:key-check'), call('GET', 'pollbus:server') or ''}
)lua";

const std::string_view kReadElection = R"lua(
local call, election = redis.call, ARGV[1]
local time, key = call('TIME'), 'pollbus:election:' .. election
local state = call('HMGET', key, 'sequence', 'last', 'open_until_ms', 'seen_closed')
-- For an election that was closed by the clock, the time never lies before its closing again.
local til = tonumber(state[3] or 0)
if til > 0 then
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if now >= til and state[4] ~= state[3] then
    call('HSET', key, 'seen_closed', state[3])
  elseif now < til and state[4] == state[3] then
    time = {string.format('%.0f', math.floor(til / 1000)), tostring(til % 1000 * 1000)}
  end
end
return {time[1], time[2], call('HGET', 'pollbus:marks', election) or '0', state[1] or '0',
        state[2] or '', call('LRANGE', 'pollbus:events:' .. election, ARGV[2], -1)}
)lua";

const std::string_view kAppendEvent = R"lua(
local call, election = redis.call, ARGV[1]
local key = 'pollbus:election:' .. election
if (call('HGET', key, 'sequence') or '0') ~= ARGV[2] then return 0 end

local fields = tonumber(ARGV[5])
local values = {}
for i = 6, 4 + 2 * fields, 2 do values[ARGV[i]] = ARGV[i + 1] end
if ARGV[4] ~= '' then
  local roll = 'pollbus:roll:' .. election .. ':' .. values.roll .. ':'
  local voters = 0
  for bucket = 0, values.buckets - 1 do voters = voters + call('HLEN', roll .. bucket) end
  if voters ~= tonumber(ARGV[4]) then return {voters} end
end

for name, value in pairs(values) do
  if value == '' then call('HDEL', key, name) else call('HSET', key, name, value) end
end
call('RPUSH', 'pollbus:events:' .. election, ARGV[3])
local rest = 6 + 2 * fields
if ARGV[2] == '0' then
  call('SADD', 'pollbus:elections', election)
  for i = rest, #ARGV do call('SADD', 'pollbus:choices:' .. election, ARGV[i]) end
elseif ARGV[rest] then
  call('HSET', 'pollbus:roll:' .. election .. ':' .. ARGV[rest], ARGV[rest + 1], ARGV[rest + 2])
  call('HDEL', 'pollbus:new-voters:' .. election, ARGV[rest + 3])
end
return 1
)lua";

const std::string_view kStageChunk = R"lua(
local call, election, roll, chunk, hash = redis.call, ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local staged = 'pollbus:staged:' .. election .. ':' .. roll
local facts = call('HGET', staged, 'facts')
if facts and facts ~= ARGV[5] then return 2 end
local before = call('HGET', staged, chunk)
if before then return before == hash and 0 or 2 end

local prefix = 'pollbus:roll:' .. election .. ':' .. roll .. ':'
for i = 7, #ARGV, 3 do call('HSET', prefix .. ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
call('HSET', staged, 'facts', ARGV[5], 'buckets', ARGV[6], chunk, hash)
call('SADD', 'pollbus:rolls:' .. election, roll)
return 1
)lua";

const std::string_view kCountRoll = R"lua(
local voters, roll = 0, 'pollbus:roll:' .. ARGV[1] .. ':' .. ARGV[2] .. ':'
for bucket = 0, ARGV[3] - 1 do voters = voters + redis.call('HLEN', roll .. bucket) end
return voters
)lua";

const std::string_view kRemoveBuckets = R"lua(
local call, election, roll = redis.call, ARGV[1], ARGV[2]
if call('HGET', 'pollbus:election:' .. election, 'roll') == roll then return 0 end
for bucket = tonumber(ARGV[3]), tonumber(ARGV[4]) do
  call('UNLINK', 'pollbus:roll:' .. election .. ':' .. roll .. ':' .. bucket)
end
return 1
)lua";

}  // namespace pollbus::redis_scripts
