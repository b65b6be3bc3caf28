import { LUA_BODIES, LUA_KEYS } from "./redis-lua.ts";

/** Steps of a walk at a time. */
const CHUNK = 200;

/**
 * One part of a list. ARGV: a `ListPlan` of redis-index.ts as JSON, and how many bytes of records to answer with at once.
 * Answers [total or -1, position of the last record, 1 where more follow, then version and body of each record].
 *
 * What it costs, for a collection of n records and a page that ends at record k:
 *   order of creation, no filter or one `equals`        log n + page
 *   one sort key, no filter, or a range of that key     log n + page
 *   one `equals` and a sort key                         about k * n / found, and never more than twice what is found
 *   several filters, or a range and another order       the smallest set that one filter gives
 *   several sort keys                                   records up to k, and those equal to them by the first key
 */
export const LIST_SCRIPT = `${LUA_KEYS}${LUA_BODIES}
local plan = cjson.decode(ARGV[1])
local c = plan.collection
local CHUNK = ${CHUNK}

-- What narrows the list, each with how many records it leaves.
local sources = {}
for _, e in ipairs(plan.equals) do
  local key = equalKey(c, e)
  sources[#sources + 1] = {
    size = call('ZCARD', key), key = key,
    has = function(token) return call('ZSCORE', key, token) end,
  }
end
for _, unique in ipairs(plan.uniques) do
  local id = call('HGET', uniqueKey(c), unique)
  local token = id and tokenOf(call('HGET', recordKey(c, id), 'p'), id)
  sources[#sources + 1] = {
    size = id and 1 or 0, tokens = {token or nil},
    has = function(other) return other == token end,
  }
end
for _, range in ipairs(plan.ranges) do
  local key = sortKey(c, range.field)
  local min, max = tonumber(range.min), tonumber(range.max)
  sources[#sources + 1] = {
    size = call('ZCOUNT', key, range.min, range.max), range = range, sorted = key,
    has = function(token)
      local score = tonumber(call('ZSCORE', key, token))
      if min then return score >= min and (not max or score <= max) end
      return score > -math.huge and (not max or score <= max)
    end,
  }
end
local n = call('ZCARD', allKey(c))
local smallest = {size = n, key = allKey(c), has = function() return true end, isAll = true}
for _, source in ipairs(sources) do
  if source.size < smallest.size or (smallest.isAll and source.size == n) then smallest = source end
end
local function passes(token, except)
  for _, source in ipairs(sources) do
    if source ~= except and not source.has(token) then return false end
  end
  return true
end

-- Every record of the smallest source that passes the rest; not in any order where that source is a range.
local function gather()
  local found = {}
  local function add(tokens)
    for _, token in ipairs(tokens) do
      if passes(token, smallest) then found[#found + 1] = token end
    end
  end
  if smallest.tokens then
    add(smallest.tokens)
  elseif smallest.range then
    for from = 0, smallest.size - 1, CHUNK do
      add(call('ZRANGEBYSCORE', smallest.sorted, smallest.range.min, smallest.range.max, 'LIMIT', from, CHUNK))
    end
  else
    for from = 0, smallest.size - 1, CHUNK do add(call('ZRANGE', smallest.key, from, from + CHUNK - 1)) end
  end
  return found
end

-- Digits first, so that no locale can change the order of two tokens that differ.
local function byToken(a, b) return string.sub(a, 1, 15) < string.sub(b, 1, 15) end

-- Sorts tokens by the keys of the plan from the given one on. Texts are compared by their rank in the index, since
-- Lua would compare them by the locale of the server.
local function sortTokens(tokens, first)
  local rows = {}
  for n, token in ipairs(tokens) do
    local x = cjson.decode(call('HGET', recordKey(c, idOf(token)), 'x'))
    local row = {token = token}
    for level = first, #plan.sort do
      local key = plan.sort[level]
      if key.isText then
        local text = x.texts[key.field]
        row[level] = {text, call('ZRANK', sortKey(c, key.field), text .. '\\1' .. token)}
      else
        local number = x.numbers[key.field] == '-inf' and -math.huge or tonumber(x.numbers[key.field])
        row[level] = {number, number}
      end
    end
    rows[n] = row
  end
  table.sort(rows, function(a, b)
    for level = first, #plan.sort do
      if a[level][1] ~= b[level][1] then
        if plan.sort[level].isDescending then return a[level][2] > b[level][2] end
        return a[level][2] < b[level][2]
      end
    end
    return byToken(a.token, b.token)
  end)
  for n, row in ipairs(rows) do tokens[n] = row.token end
  return tokens
end

local function slice(tokens, offset, limit)
  local page = {}
  for n = offset + 1, math.min(#tokens, offset + limit) do page[#page + 1] = tokens[n] end
  return page
end

-- The index of the first sort key.
local key = plan.sort[1]
local index = key and sortKey(c, key.field)
local function split(member, score)
  if not key.isText then return member, score end
  local cut = string.find(member, '\\1', 1, true)
  return string.sub(member, cut + 1), string.sub(member, 1, cut - 1)
end
-- The ranks of the records that are equal to one by the first key.
local function groupOf(value)
  if key.isText then
    local before = call('ZLEXCOUNT', index, '-', '(' .. value .. '\\1')
    return before, before + call('ZLEXCOUNT', index, '[' .. value .. '\\1', '(' .. value .. '\\2') - 1
  end
  local before = call('ZCOUNT', index, '-inf', '(' .. value)
  return before, before + call('ZCOUNT', index, value, value) - 1
end
local function valueAt(rank)
  local item = call('ZRANGE', index, rank, rank, 'WITHSCORES')
  local _, value = split(item[1], item[2])
  return value
end
-- Visits ranks upwards; stops where the visitor says so.
local function upwards(from, to, visit)
  for start = from, to, CHUNK do
    local items = call('ZRANGE', index, start, math.min(to, start + CHUNK - 1), 'WITHSCORES')
    for n = 1, #items, 2 do
      if visit(split(items[n], items[n + 1])) then return true end
    end
  end
end
-- Visits from the highest rank downwards, but those that are equal in order of creation. 'skip' passes over the first.
local function downwards(lowest, highest, skip, visit)
  local rank = highest - skip
  while rank >= lowest do
    -- Mostly no two are equal: then what is fetched backwards is in order as it comes.
    local from = math.max(lowest, rank - CHUNK + 1)
    local items = call('ZRANGE', index, from, rank, 'WITHSCORES')
    local n = #items - 1
    while n >= 1 do
      local token, value = split(items[n], items[n + 1])
      local isAlone = n > 1 and select(2, split(items[n - 2], items[n - 1])) ~= value
      local position = from + (n - 1) / 2
      if isAlone and skip == 0 then
        if visit(token, value) then return end
        n = n - 2
        rank = position - 1
      else
        local first, last = groupOf(value)
        first, last = math.max(first, lowest), math.min(last, highest)
        -- Of this group, as many as lie above are done with.
        if upwards(first + (last - position), last, visit) then return end
        rank = first - 1
        skip = 0
        n = math.min(n, 1 + 2 * (first - from)) - 2
        if first < from then n = 0 end
      end
    end
  end
end

local function sorted(total)
  local offset, limit = plan.offset, plan.limit
  if #plan.sort == 0 then
    if smallest.key and #sources <= 1 then return call('ZRANGE', smallest.key, offset, offset + limit - 1), total end
    local found = gather()
    if smallest.range then table.sort(found, byToken) end
    return slice(found, offset, limit), #found
  end
  -- Where the index has just what is asked for, its ranks are the answer.
  local range = #sources == 1 and sources[1].range
  local isWhole = #sources == 0 or (range and range.field == key.field)
  if not isWhole and #sources > 1 then
    local found = gather()
    return slice(sortTokens(found, 1), offset, limit), #found
  end
  if total == 0 or offset >= total then return {}, total end
  local lowest = range and isWhole and call('ZCOUNT', index, '-inf', range.min == '(-inf' and '-inf' or '(' .. range.min) or 0
  local highest = isWhole and lowest + total - 1 or n - 1
  local page = {}
  local function visitOne(token)
    page[#page + 1] = token
    return #page == limit
  end
  if isWhole and #plan.sort == 1 then
    if key.isDescending then downwards(lowest, highest, offset, visitOne)
    else upwards(lowest + offset, math.min(highest, lowest + offset + limit - 1), visitOne) end
    return page, total
  end
  -- A walk along the first key, which tests each record; given up where sorting what was found is cheaper.
  local budget = 2 * total + CHUNK
  local passed, group, groupValue, isOver = 0, {}, nil, false
  local function endGroup()
    if #group > 1 and #plan.sort > 1 and passed + #group > offset then sortTokens(group, 2) end
    for _, token in ipairs(group) do
      passed = passed + 1
      if passed > offset and #page < limit then page[#page + 1] = token end
    end
    group = {}
    return #page == limit
  end
  local function visit(token, value)
    if value ~= groupValue then
      if endGroup() then return true end
      groupValue = value
    end
    budget = budget - 1
    if budget < 0 then
      isOver = true
      return true
    end
    if isWhole or passes(token) then
      group[#group + 1] = token
      if #plan.sort == 1 then return endGroup() end
    end
  end
  if key.isDescending then downwards(lowest, highest, 0, visit) else upwards(lowest, highest, visit) end
  if isOver then return slice(sortTokens(gather(), 1), offset, limit), total end
  if #page < limit then endGroup() end
  return page, total
end

-- What follows a cursor, in order of creation.
local function following()
  local page = {}
  -- A record that was found by what is unique needs no walk.
  if smallest.tokens then
    for _, token in ipairs(smallest.tokens) do
      local position = tonumber(string.sub(token, 1, 15))
      local isBeyond = plan.after < 0 or position > plan.after
      if plan.isNewestFirst then isBeyond = plan.after < 0 or position < plan.after end
      if isBeyond and passes(token, smallest) then page[1] = token end
    end
    return page, false
  end
  local source = {key = allKey(c), size = n}
  for _, other in ipairs(sources) do
    if other.key and other.size <= source.size then source = other end
  end
  local bound = plan.after >= 0 and tokenOf(plan.after, '')
  local from, command, last
  if plan.isNewestFirst then
    command, from, last = 'ZREVRANGEBYLEX', bound and '(' .. bound or '+', '-'
  else
    command, from, last = 'ZRANGEBYLEX', bound and '[' .. tokenOf(plan.after + 1, '') or '-', '+'
  end
  local chunk = #sources <= 1 and plan.limit + 1 or CHUNK
  while true do
    local tokens = call(command, source.key, from, last, 'LIMIT', 0, chunk)
    for _, token in ipairs(tokens) do
      if passes(token, source) then
        if #page == plan.limit then return page, true end
        page[#page + 1] = token
      end
    end
    if #tokens < chunk then return page, false end
    from = '(' .. tokens[#tokens]
  end
end

local page, total, hasMore
if plan.kind == 'page' then
  page, total = sorted(smallest.size)
  hasMore = #plan.sort == 0 and #page > 0 and plan.offset + #page < total
else
  page, hasMore = following()
end
local answer = {total or -1, #page > 0 and tonumber(string.sub(page[#page], 1, 15)) or 0, hasMore and 1 or 0}
local ids = {}
for n, token in ipairs(page) do ids[n] = idOf(token) end
addBodies(answer, c, ids, tonumber(ARGV[2]))
return answer
`;

/** ARGV: a collection, how many bytes to answer with at once, ids. Gives version and body of each. */
export const GET_MANY_SCRIPT = `${LUA_KEYS}${LUA_BODIES}
local ids = {}
for n = 3, #ARGV do ids[n - 2] = ARGV[n] end
local answer = {}
addBodies(answer, ARGV[1], ids, tonumber(ARGV[2]))
return answer
`;

/** ARGV: a collection, a budget as above, how many of each, entries. Gives for each entry version and body of its first. */
export const BY_PARENTS_SCRIPT = `${LUA_KEYS}${LUA_BODIES}
local budget = tonumber(ARGV[2])
local answer = {}
for n = 4, #ARGV do
  local ids = {}
  for i, token in ipairs(call('ZRANGE', equalKey(ARGV[1], ARGV[n]), 0, ARGV[3] - 1)) do ids[i] = idOf(token) end
  local list = {}
  budget = addBodies(list, ARGV[1], ids, budget)
  answer[#answer + 1] = list
end
return answer
`;
