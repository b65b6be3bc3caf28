/**
 * What every script begins with. The keys, all under one prefix:
 *
 *   r:<collection>:<id>      hash   a record: v version, b body, p position, x what it is found by (redis-index.ts)
 *   p:<collection>           number the last position
 *   a:<collection>           zset   tokens of all records, in order of creation
 *   e:<collection>:<f>=<v>   zset   tokens of the records whose field f is (or holds) v, in order of creation
 *   s:<collection>:<f>       zset   all records in the order of field f: numbers as scores, texts as `text \1 token`
 *   u:<collection>           hash   unique key -> id
 *   i:<key>                  text   an idempotency claim: fingerprint \n body; with a time to live
 *   o:<lane>, lanes, q       the outbox: see redis-outbox-scripts.ts
 *   t:<product>, l:<product> the turns of orders: see redis-write-script.ts
 *   f:<name>, g:<generation> files: see redis-files.ts
 *   rate:<key>               hash   a bucket of tokens
 *
 * A token is a position in 15 digits and the id: tokens compare as bytes in order of creation, so a zset whose scores
 * are all the same is a list of them that is cheap to enter in the middle.
 */
export const LUA_KEYS = `
local P = KEYS[1]
local call = redis.call
local function recordKey(c, id) return P .. ':r:' .. c .. ':' .. id end
local function allKey(c) return P .. ':a:' .. c end
local function equalKey(c, e) return P .. ':e:' .. c .. ':' .. e end
local function sortKey(c, f) return P .. ':s:' .. c .. ':' .. f end
local function uniqueKey(c) return P .. ':u:' .. c end
local function tokenOf(position, id) return string.format('%015.0f', tonumber(position)) .. id end
local function idOf(token) return string.sub(token, 16) end
`;

/** Entering a record into what it is found by, and taking it out. `x` is an `IndexEntries` of redis-index.ts. */
export const LUA_INDEX = `
local function enter(c, id, token, x)
  for _, e in ipairs(x.equals) do call('ZADD', equalKey(c, e), 0, token) end
  for f, text in pairs(x.texts) do call('ZADD', sortKey(c, f), 0, text .. '\\1' .. token) end
  for f, number in pairs(x.numbers) do call('ZADD', sortKey(c, f), number, token) end
  if x.unique then call('HSET', uniqueKey(c), x.unique, id) end
end
local function leave(c, id, token, x)
  for _, e in ipairs(x.equals) do call('ZREM', equalKey(c, e), token) end
  for f, text in pairs(x.texts) do call('ZREM', sortKey(c, f), text .. '\\1' .. token) end
  for f in pairs(x.numbers) do call('ZREM', sortKey(c, f), token) end
  if x.unique then call('HDEL', uniqueKey(c), x.unique) end
end
local function move(c, id, token, old, new)
  local kept = {}
  for _, e in ipairs(old.equals) do kept[e] = true end
  for _, e in ipairs(new.equals) do
    if kept[e] then kept[e] = nil else call('ZADD', equalKey(c, e), 0, token) end
  end
  for e in pairs(kept) do call('ZREM', equalKey(c, e), token) end
  for f, text in pairs(new.texts) do
    if old.texts[f] ~= text then
      call('ZREM', sortKey(c, f), (old.texts[f] or '') .. '\\1' .. token)
      call('ZADD', sortKey(c, f), 0, text .. '\\1' .. token)
    end
  end
  for f, number in pairs(new.numbers) do
    if old.numbers[f] ~= number then call('ZADD', sortKey(c, f), number, token) end
  end
  if old.unique ~= new.unique then
    if old.unique then call('HDEL', uniqueKey(c), old.unique) end
    if new.unique then call('HSET', uniqueKey(c), new.unique, id) end
  end
end
local function removeRecord(c, id)
  local row = call('HMGET', recordKey(c, id), 'p', 'x')
  if not row[1] then return end
  local token = tokenOf(row[1], id)
  leave(c, id, token, cjson.decode(row[2]))
  call('ZREM', allKey(c), token)
  call('DEL', recordKey(c, id))
end
`;

/** Adds the texts of records to an answer, up to a number of bytes; what is beyond it is marked to be asked for again. */
export const LUA_BODIES = `
local function addBodies(answer, c, ids, budget)
  for _, id in ipairs(ids) do
    if budget <= 0 then
      answer[#answer + 1] = 'later'
      answer[#answer + 1] = id
    else
      local row = call('HMGET', recordKey(c, id), 'v', 'b')
      answer[#answer + 1] = row[1] or 'none'
      answer[#answer + 1] = row[2] or ''
      budget = budget - #(row[2] or '')
    end
  end
  return budget
end
`;
