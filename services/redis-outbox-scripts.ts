import { MAX_OUTBOX_BATCH, RESCUE_MS } from "../core/outbox-rules.ts";
import { LUA_KEYS } from "./redis-lua.ts";

/**
 * The outbox. A lane is what is carried in order: one for each channel, and one for jobs. `o:<lane>` is a list of
 * `{number} {entry}`, the numbers growing; `lanes` is a zset of the lanes that hold something, by when somebody else
 * than the writer shall look after them; `tries` counts what failed.
 */
const LUA_LANES = `
local function laneKey(lane) return P .. ':o:' .. lane end
local lanesKey = P .. ':lanes'
local triesKey = P .. ':tries'
local function numberOf(item) return tonumber(string.sub(item, 1, string.find(item, ' ', 1, true) - 1)) end
`;

/**
 * Entering what a write has to tell: 'ok', whether some lane waits for rescue, and for each lane [lane, last number,
 * how many were there before].
 */
export const LUA_PUSH = `${LUA_LANES}
local function pushAll(lanes, dueMs, takeText)
  local late = call('ZRANGEBYSCORE', lanesKey, '-inf', dueMs - ${RESCUE_MS}, 'LIMIT', 0, 1)
  local answer = {'ok', #late}
  for _, item in ipairs(lanes) do
    local before = call('LLEN', laneKey(item.lane))
    local last = 0
    for _ = 1, item.count do
      last = call('INCR', P .. ':q')
      call('RPUSH', laneKey(item.lane), string.format('%.0f', last) .. ' ' .. takeText())
    end
    call('ZADD', lanesKey, 'NX', dueMs, item.lane)
    answer[#answer + 1] = {item.lane, last, before}
  end
  return answer
end
`;

/**
 * ARGV: a lane, the number up to which all was carried (0 for none), when the rest is due. Takes those out and gives
 * what is next, without taking it.
 */
export const CARRIED_SCRIPT = `${LUA_KEYS}${LUA_LANES}
local lane, upTo, dueMs = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local key = laneKey(lane)
local items = call('LRANGE', key, 0, ${MAX_OUTBOX_BATCH - 1})
while #items > 0 and numberOf(items[1]) <= upTo do
  local gone = 0
  for _, item in ipairs(items) do
    if numberOf(item) > upTo then break end
    gone = gone + 1
  end
  call('LTRIM', key, gone, -1)
  items = call('LRANGE', key, 0, ${MAX_OUTBOX_BATCH - 1})
end
if upTo > 0 then call('HDEL', triesKey, lane) end
if #items == 0 then call('ZREM', lanesKey, lane) else call('ZADD', lanesKey, 'XX', dueMs, lane) end
return items
`;

/** ARGV: a lane, and items of it that were carried whatever is before them: for what needs no order. */
export const REMOVE_SCRIPT = `${LUA_KEYS}${LUA_LANES}
local lane = ARGV[1]
for n = 2, #ARGV do call('LREM', laneKey(lane), 1, ARGV[n]) end
if call('LLEN', laneKey(lane)) == 0 then
  call('ZREM', lanesKey, lane)
  call('HDEL', triesKey, lane)
end
return 0
`;

/** ARGV: a lane, and for each number of failures when the next try is due. */
export const FAILED_SCRIPT = `${LUA_KEYS}${LUA_LANES}
local tries = call('HINCRBY', triesKey, ARGV[1], 1)
call('ZADD', lanesKey, 'XX', ARGV[1 + math.min(tries, #ARGV - 1)], ARGV[1])
return tries
`;

/** ARGV: now, when what is given here may be given to somebody else, how many. Gives lanes that are due. */
export const DUE_SCRIPT = `${LUA_KEYS}${LUA_LANES}
local lanes = call('ZRANGEBYSCORE', lanesKey, '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, lane in ipairs(lanes) do call('ZADD', lanesKey, 'XX', ARGV[2], lane) end
return lanes
`;
