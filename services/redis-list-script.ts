import { LUA_BODIES, LUA_KEYS } from "./redis-lua.ts";
import { LUA_SORT } from "./redis-sort-lua.ts";

/**
 * One part of a list. ARGV: a `ListPlan` of redis-index.ts as JSON, and how many bytes of records to answer with at once.
 * Answers [total or -1, position of the last record, 1 where more follow, then version and body of each record].
 *
 * What it costs, for n records of which f pass the filters, and a page that ends at record k:
 *   order of creation, no filter or one `equals`        log n + page
 *   order of creation, a range                          the less of k * n / f and f
 *   one sort key, no filter, or a range of that key     log n + page
 *   several sort keys, no filter                        the same; and where many are equal by the first key, as with one
 *                                                       `equals` for it
 *   one filter and a sort key                           about k * n / f, or f * log f where that is less
 *   several filters                                     the smallest set that one of them gives
 */
export const LIST_SCRIPT = `${LUA_KEYS}${LUA_BODIES}
local plan = cjson.decode(ARGV[1])
local c = plan.collection
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

-- The rank at which a range begins.
local function lowestOf(source)
  local min = source.range.min
  return call('ZCOUNT', source.sorted, '-inf', min == '(-inf' and '-inf' or '(' .. min)
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
    local lowest = lowestOf(smallest)
    add(call('ZRANGE', smallest.sorted, lowest, lowest + smallest.size - 1))
  else
    add(call('ZRANGE', smallest.key, 0, -1))
  end
  return found
end

${LUA_SORT}
local function walkCreation(size, offset, limit)
  if (offset + limit) * n / size > size then return nil end
  local page, passed = {}, 0
  for from = 0, n - 1, CHUNK do
    for _, token in ipairs(call('ZRANGE', allKey(c), from, from + CHUNK - 1)) do
      if passes(token) then
        passed = passed + 1
        if passed > offset then page[#page + 1] = token end
        if #page == limit then return page end
      end
    end
  end
  return page
end

local function sorted(total)
  local offset, limit = plan.offset, plan.limit
  local range = #sources == 1 and sources[1].range
  local isSorted = #plan.sort > 0
  if #sources > 1 then
    local found = gather()
    if isSorted then
      -- How many there are had to be counted; that they be sorted need not.
      local page = offset < #found and walkTested(1, #found, passes, offset, limit)
      return page or slice(sortTokens(found, 1), offset, limit), #found
    end
    if smallest.range then table.sort(found, byToken) end
    return slice(found, offset, limit), #found
  end
  if offset >= total then return {}, total end
  if not isSorted then
    if smallest.key then return call('ZRANGE', smallest.key, offset, offset + limit - 1), total end
    local page = range and walkCreation(total, offset, limit)
    if page then return page, total end
    local found = gather()
    table.sort(found, byToken)
    return slice(found, offset, limit), total
  end
  -- Where the index of the first key has just what is asked for, its ranks are the answer.
  if #sources == 0 then return pageOfRanks(0, n - 1, offset, limit), total end
  if range and range.field == plan.sort[1].field then
    local lowest = lowestOf(sources[1])
    return pageOfRanks(lowest, lowest + total - 1, offset, limit), total
  end
  local page = walkTested(1, total, passes, offset, limit)
  return page or slice(sortTokens(gather(), 1), offset, limit), total
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
