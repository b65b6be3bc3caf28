/** Steps of a walk at a time. */
const CHUNK = 200;
/** A group of equal records up to this size is sorted as it is; a larger one is walked by the next key. */
const SMALL_GROUP = 500;
/** Sorting a record that was found costs about as much as this many steps of a walk. */
const STEPS_PER_SORTED = 8;

/**
 * Order. What `plan` is, is in redis-index.ts; `sources`, `n`, `passes` and `gather` are those of the list script.
 *
 * Texts are compared by their ranks in the index, never by Lua, which would compare them by the locale of the server.
 */
export const LUA_SORT = `
local CHUNK = ${CHUNK}
-- Of two tokens that differ the digits do, and no locale orders those otherwise.
local function byToken(a, b) return string.sub(a, 1, 15) < string.sub(b, 1, 15) end
local function slice(tokens, offset, limit)
  local page = {}
  for at = offset + 1, math.min(#tokens, offset + limit) do page[#page + 1] = tokens[at] end
  return page
end

-- Sorts tokens by the keys from the given one on.
local function sortTokens(tokens, first)
  local needsTexts = false
  for level = first, #plan.sort do needsTexts = needsTexts or plan.sort[level].isText end
  local rows = {}
  for at, token in ipairs(tokens) do
    local texts = needsTexts and cjson.decode(call('HGET', recordKey(c, idOf(token)), 'x')).texts
    local row = {token = token}
    for level = first, #plan.sort do
      local key = plan.sort[level]
      local index = sortKey(c, key.field)
      if key.isText then
        local text = texts[key.field]
        row[level] = {text, call('ZRANK', index, text .. '\\1' .. token)}
      else
        local number = tonumber(call('ZSCORE', index, token))
        row[level] = {number, number}
      end
    end
    rows[at] = row
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
  for at, row in ipairs(rows) do tokens[at] = row.token end
  return tokens
end

-- The index of one key of the plan.
local function openIndex(level)
  local key = plan.sort[level]
  local index = sortKey(c, key.field)
  local self = {}
  -- The token and the value of an entry.
  local function split(member, score)
    if not key.isText then return member, score end
    local cut = string.find(member, '\\1', 1, true)
    return string.sub(member, cut + 1), string.sub(member, 1, cut - 1)
  end
  -- Whether a record has that value.
  function self.has(value, token)
    if key.isText then return call('ZSCORE', index, value .. '\\1' .. token) end
    return call('ZSCORE', index, token) == value
  end
  function self.valueAt(rank)
    local entry = call('ZRANGE', index, rank, rank, 'WITHSCORES')
    local _, value = split(entry[1], entry[2])
    return value
  end
  -- The ranks of the records that have that value.
  function self.groupOf(value)
    local before, size
    if key.isText then
      before = call('ZLEXCOUNT', index, '-', '(' .. value .. '\\1')
      size = call('ZLEXCOUNT', index, '[' .. value .. '\\1', '(' .. value .. '\\2')
    else
      before = call('ZCOUNT', index, '-inf', '(' .. value)
      size = call('ZCOUNT', index, value, value)
    end
    return before, before + size - 1
  end
  -- Visits ranks upwards; true where the visitor said stop.
  function self.upwards(from, to, visit)
    for start = from, to, CHUNK do
      local entries = call('ZRANGE', index, start, math.min(to, start + CHUNK - 1), 'WITHSCORES')
      for at = 1, #entries, 2 do
        if visit(split(entries[at], entries[at + 1])) then return true end
      end
    end
  end
  -- Visits from the highest rank downwards, but those that are equal in order of creation; passes over the first.
  function self.downwards(lowest, highest, skip, visit)
    local rank = highest - skip
    while rank >= lowest do
      local from = math.max(lowest, rank - CHUNK + 1)
      local entries = call('ZRANGE', index, from, rank, 'WITHSCORES')
      local at = #entries - 1
      while at >= 1 do
        local token, value = split(entries[at], entries[at + 1])
        local isAlone = at > 1 and select(2, split(entries[at - 2], entries[at - 1])) ~= value
        local position = from + (at - 1) / 2
        if isAlone and skip == 0 then
          if visit(token, value) then return end
          at = at - 2
          rank = position - 1
        else
          local first, last = self.groupOf(value)
          first, last = math.max(first, lowest), math.min(last, highest)
          -- As many of them as lie above were passed over.
          if self.upwards(first + (last - position), last, visit) then return end
          rank = first - 1
          skip = 0
          at = first < from and 0 or 2 * (first - from) - 1
        end
      end
    end
  end
  function self.walk(lowest, highest, visit)
    if key.isDescending then self.downwards(lowest, highest, 0, visit) else self.upwards(lowest, highest, visit) end
  end
  return self
end

-- Walks along a key over everything there is, and keeps what passes the test; 'size' records do. Nothing, where that
-- would take longer than to sort those.
local function walkTested(level, size, test, offset, limit)
  local page, group, groupValue = {}, {}, nil
  local passed, budget, isOver = 0, ${STEPS_PER_SORTED} * size + CHUNK, false
  if (offset + limit) * n / size > budget then return nil end
  local isLast = level == #plan.sort
  local function endGroup()
    if #group > 1 and not isLast and passed + #group > offset then sortTokens(group, level + 1) end
    for _, token in ipairs(group) do
      passed = passed + 1
      if passed > offset and #page < limit then page[#page + 1] = token end
    end
    group = {}
    return #page == limit
  end
  openIndex(level).walk(0, n - 1, function(token, value)
    if value ~= groupValue then
      if endGroup() then return true end
      groupValue = value
    end
    budget = budget - 1
    isOver = budget < 0
    if isOver then return true end
    if test(token) then
      group[#group + 1] = token
      return isLast and endGroup()
    end
  end)
  if isOver then return nil end
  if #page < limit then endGroup() end
  return page
end

-- A part of the ranks of the first key, all of which belong to the list: jumps to where the page begins.
local function pageOfRanks(lowest, highest, offset, limit)
  local key, index, page = plan.sort[1], openIndex(1), {}
  if #plan.sort == 1 then
    local function visit(token)
      page[#page + 1] = token
      return #page == limit
    end
    if key.isDescending then index.downwards(lowest, highest, offset, visit)
    else index.upwards(lowest + offset, math.min(highest, lowest + offset + limit - 1), visit) end
    return page
  end
  while #page < limit and lowest <= highest and offset <= highest - lowest do
    local value = index.valueAt(key.isDescending and highest - offset or lowest + offset)
    local first, last = index.groupOf(value)
    first, last = math.max(first, lowest), math.min(last, highest)
    local before = key.isDescending and highest - last or first - lowest
    local size = last - first + 1
    local found
    if size > ${SMALL_GROUP} then
      local function test(token) return index.has(value, token) end
      found = walkTested(2, size, test, offset - before, limit - #page)
    end
    if not found then
      local group = {}
      index.upwards(first, last, function(token) group[#group + 1] = token end)
      found = slice(sortTokens(group, 2), offset - before, limit - #page)
    end
    for _, token in ipairs(found) do page[#page + 1] = token end
    offset = before + size
  end
  return page
end
`;
