import { LUA_FILES } from "./redis-file-scripts.ts";
import { LUA_INDEX, LUA_KEYS } from "./redis-lua.ts";
import { LUA_PUSH } from "./redis-outbox-scripts.ts";
import { LUA_TURNS } from "./redis-turns.ts";

/**
 * One write: everything is checked first, and then everything is written, since what a script has done stays done when
 * it fails later. The records, what they are found by, the events, the jobs and the idempotency claim: all or nothing.
 *
 * ARGV[1] is a `WriteHead` of redis-records.ts as JSON; then come the texts that it counts on, in order: a body for each
 * insert and update, an entry for each thing that goes to the outbox.
 *
 * Answers [status, ...]: 'ok' with what `pushAll` tells, 'replay' with the body as it was then, 'mismatch', 'orphan',
 * 'collision', 'taken', 'missing', 'conflict', 'lost' for a file whose parts are gone, and for an order 'turn' with its place in the queue.
 */
export const WRITE_SCRIPT = `${LUA_KEYS}${LUA_INDEX}${LUA_PUSH}${LUA_TURNS}${LUA_FILES}
local head = cjson.decode(ARGV[1])
local nextText = 1
local function takeText()
  nextText = nextText + 1
  return ARGV[nextText]
end

local function check(op, seen)
  local c, id = op.collection, op.id
  local version = call('HGET', recordKey(c, id), 'v')
  if op.kind == 'insert' then
    if version or seen[c .. ':' .. id] then return 'collision' end
    seen[c .. ':' .. id] = true
  else
    if not version then return 'missing' end
    if tonumber(version) ~= op.ifVersion then return 'conflict' end
  end
  op.entries = op.index and cjson.decode(op.index)
  local key = op.entries and op.entries.unique
  if key then
    local owner = seen['unique:' .. key] or call('HGET', uniqueKey(c), key)
    if owner and owner ~= id then return 'taken' end
    seen['unique:' .. key] = id
  end
end

local function write(op)
  local c, id = op.collection, op.id
  if op.kind == 'remove' then
    removeRecord(c, id)
    if op.dependents then
      local other = op.dependents.collection
      for _, token in ipairs(call('ZRANGE', equalKey(other, op.dependents.entry), 0, -1)) do
        removeRecord(other, idOf(token))
      end
    end
    return
  end
  local body = takeText()
  if op.kind == 'insert' then
    local position = call('INCR', P .. ':p:' .. c)
    local token = tokenOf(position, id)
    call('HSET', recordKey(c, id), 'v', 1, 'b', body, 'p', position, 'x', op.index)
    call('ZADD', allKey(c), 0, token)
    enter(c, id, token, op.entries)
  else
    local row = call('HMGET', recordKey(c, id), 'p', 'x')
    if row[2] ~= op.index then move(c, id, tokenOf(row[1], id), cjson.decode(row[2]), op.entries) end
    call('HSET', recordKey(c, id), 'v', op.ifVersion + 1, 'b', body, 'x', op.index)
  end
end

if head.file and not hasAllParts(head.file) then return {'lost'} end
if head.claim then
  local known = call('GET', P .. ':i:' .. head.claim.key)
  if known then
    if head.turn then leaveTurns(head.turn) end
    local cut = string.find(known, '\\n', 1, true)
    if string.sub(known, 1, cut - 1) ~= head.claim.fingerprint then return {'mismatch'} end
    return {'replay', string.sub(known, cut + 1)}
  end
end
if head.parent and call('EXISTS', recordKey(head.parent.collection, head.parent.id)) == 0 then
  return {'orphan'}
end
if head.turn and not mayTry(head.turn) then return waitForTurn(head.turn, head.turn.products) end
local seen = {}
local lost = {}
for _, op in ipairs(head.ops) do
  local fault = check(op, seen)
  if fault then
    if not head.turn or op.kind ~= 'update' then return {fault} end
    lost[#lost + 1] = op.id
  end
end
if #lost > 0 then return waitForTurn(head.turn, lost) end

local firstBody = ARGV[2]
for _, op in ipairs(head.ops) do write(op) end
if head.claim then
  local body = head.claim.keepsBody and firstBody or ''
  call('SET', P .. ':i:' .. head.claim.key, head.claim.fingerprint .. '\\n' .. body, 'PX', head.claim.windowMs)
end
if head.file then replaceFile(head.file) end
if head.turn then leaveTurns(head.turn) end
return pushAll(head.lanes, head.dueMs, takeText)
`;
