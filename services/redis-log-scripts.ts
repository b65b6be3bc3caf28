/**
 * The log of a channel in Redis. The keys, under the prefix of all others (redis-lua.ts):
 *
 *   ch:<channel>                 hash    epoch, head (number of the newest event), first (the oldest that age has left);
 *                                        lives (how many ended), last (the epoch that ended last)
 *   log:<channel>                stream  the events; an entry's id is `<number>-0`, its fields t type, m ms, n news, j json
 *   eph:<channel>                stream  events that are not stored, for seconds; its ids are `<news>-0`
 *   dup:<epoch>:<channel>\n<key> number  an event that a second publish of it is a duplicate of; ends with the window
 *   prod:<channel>               hash    producer -> epoch sequence number
 *   pub:<channel>\n<who>         hash    a bucket of publishes
 *   dir, born                    zset, hash  which channels there are, and since when
 *   news                         number  counts everything that a reader could want to know of
 *
 * Each script is one command and atomic. What is a sequence to a client, and which text an event is, is made in
 * TypeScript: a script counts.
 */
const LUA_LOG = `
local P = KEYS[1]
local call = redis.call
local function channelKey(c) return P .. ':ch:' .. c end
local function logKey(c) return P .. ':log:' .. c end
local function unstoredKey(c) return P .. ':eph:' .. c end
local function producerKey(c) return P .. ':prod:' .. c end
local function text(number) return string.format('%.0f', number) end
local function numberOf(id) return tonumber(string.match(id, '^%d+')) end
local function fieldsOf(entry)
  local fields = {}
  for n = 1, #entry[2], 2 do fields[entry[2][n]] = entry[2][n + 1] end
  return fields
end
local function news() return tonumber(call('GET', P .. ':news') or 0) end
local function stateOf(c)
  local row = call('HMGET', channelKey(c), 'epoch', 'head', 'first', 'lives', 'last')
  return {
    epoch = row[1] or nil, head = tonumber(row[2] or 0), first = tonumber(row[3] or 1),
    lives = tonumber(row[4] or 0), last = row[5] or nil
  }
end
-- The bucket of core/rate.ts. Gives how long to wait, 0 where it was taken.
local function takePublishes(c, who, perSecond, cost, now)
  local key = P .. ':pub:' .. c .. '\\n' .. who
  local row = call('HMGET', key, 'tokens', 'ms')
  local tokens, ms = tonumber(row[1] or perSecond), tonumber(row[2] or now)
  if now > ms then
    tokens = math.min(perSecond, tokens + (now - ms) * perSecond / 1000)
    ms = now
  end
  local needed = math.min(cost, perSecond)
  if tokens < needed then return math.max(1, math.ceil((needed - tokens) * 1000 / perSecond)) end
  tokens = tokens - cost
  call('HSET', key, 'tokens', string.format('%.6f', tokens), 'ms', text(ms))
  -- When it is full again it need not be known; a large batch may have left it in debt.
  call('PEXPIRE', key, text(math.ceil((perSecond - tokens) * 1000 / perSecond) + 1000))
  return 0
end
-- The number of the oldest event that a reader may have: by count, and by age where a cutoff is given.
local function firstOf(c, state, maxEvents, cutoff)
  local first = math.max(state.first, state.head - maxEvents + 1)
  if first > state.head then return first end
  local function isFresh(number)
    local entry = call('XRANGE', logKey(c), text(number), '+', 'COUNT', 1)[1]
    return entry and tonumber(fieldsOf(entry).m) > cutoff
  end
  if not cutoff or isFresh(first) then return first end
  -- Times go up with the numbers: halving finds the first that is young enough.
  local low, high = first + 1, state.head + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isFresh(middle) then high = middle else low = middle + 1 end
  end
  call('XTRIM', logKey(c), 'MINID', text(low))
  call('HSET', channelKey(c), 'first', text(low))
  return low
end
-- Events from a number on, as number, news, type, json one after the other: at least one where there is one. And their length.
local function pageFrom(c, from, limit, maxChars)
  local page, count, length = {}, 0, 0
  while count < limit do
    local entries = call('XRANGE', logKey(c), text(from), '+', 'COUNT', math.min(limit - count, 32))
    for _, entry in ipairs(entries) do
      local fields = fieldsOf(entry)
      length = length + #fields.j
      if count > 0 and length > maxChars then return page, length end
      count = count + 1
      from = numberOf(entry[1]) + 1
      page[#page + 1] = text(from - 1)
      page[#page + 1] = fields.n
      page[#page + 1] = fields.t
      page[#page + 1] = fields.j
    end
    if #entries < 32 then return page, length end
  end
  return page, length
end
`;

/**
 * Appends for several publishers at once: each gets an answer of its own, all or none of its events.
 *
 * ARGV: channel, an epoch for a new life, now, how many events are kept, for how long, how long a duplicate is known,
 * publishes a second (0 where they are not counted), the requests as JSON (`AppendHead` of redis-log.ts); then for each
 * event its type, its dedupe key ('' where it has none) and its JSON.
 *
 * Answers {'epoch', the last one} where the new life would sort before the one that ended, else {'ok', epoch, one for
 * each request}: {'ok', number and 1 for a duplicate, of each event}, {'rate', ms to wait}, or {'producer', what is
 * known of it}.
 */
export const APPEND_SCRIPT = `${LUA_LOG}
local c, candidate, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
local maxEvents, maxAge, window, perSecond = tonumber(ARGV[4]), ARGV[5], ARGV[6], tonumber(ARGV[7])
local requests = cjson.decode(ARGV[8])
local state = stateOf(c)
local isNew = not state.epoch
if isNew and state.last and candidate <= state.last then return {'epoch', state.last} end
local epoch, head = state.epoch or candidate, state.head
local counted
local at = 9

local function decide(stamp)
  local known = call('HGET', producerKey(c), stamp.id)
  if not known then return stamp.sequence == 0 and 'accept' or 'refuse', '' end
  local e, s, n = string.match(known, '^(%d+) (%d+) (%d+)$')
  e, s = tonumber(e), tonumber(s)
  if stamp.epoch > e then return stamp.sequence == 0 and 'accept' or 'refuse', known end
  if stamp.epoch < e then return 'refuse', known end
  if stamp.sequence <= s then return 'repeat', n end
  return stamp.sequence == s + 1 and 'accept' or 'refuse', known
end

local function store(request)
  local first = at
  at = at + 3 * request.count
  if request.rateKey and perSecond > 0 then
    local wait = takePublishes(c, request.rateKey, perSecond, request.count, now)
    if wait > 0 then return {'rate', wait} end
  end
  local answer = {'ok'}
  if request.producer then
    local verdict, known = decide(request.producer)
    if verdict == 'refuse' then return {'producer', known} end
    if verdict == 'repeat' then
      for n = 1, request.count do
        answer[#answer + 1] = known
        answer[#answer + 1] = 1
      end
      return answer
    end
  end
  if isNew then
    isNew = false
    call('HSET', channelKey(c), 'epoch', epoch, 'head', '0', 'first', '1')
    call('ZADD', P .. ':dir', 0, c)
    call('HSET', P .. ':born', c, text(now))
  end
  local last
  for n = 0, request.count - 1 do
    local type, key, json = ARGV[first + 3 * n], ARGV[first + 3 * n + 1], ARGV[first + 3 * n + 2]
    local dup = key ~= '' and P .. ':dup:' .. epoch .. ':' .. c .. '\\n' .. key
    local known = dup and call('GET', dup)
    if known then
      last = known
    else
      counted = counted or call('INCR', P .. ':news')
      head = head + 1
      last = text(head)
      call('XADD', logKey(c), 'MAXLEN', '~', maxEvents, last .. '-0',
        't', type, 'm', text(now), 'n', text(counted), 'j', json)
      if dup then call('SET', dup, last, 'PX', window) end
    end
    answer[#answer + 1] = last
    answer[#answer + 1] = known and 1 or 0
  end
  if request.producer then
    local stamp = request.producer
    call('HSET', producerKey(c), stamp.id, text(stamp.epoch) .. ' ' .. text(stamp.sequence) .. ' ' .. last)
  end
  return answer
end

local answers = {'ok', epoch}
for _, request in ipairs(requests) do answers[#answers + 1] = store(request) end
if counted then
  call('HSET', channelKey(c), 'head', text(head))
  call('PEXPIRE', logKey(c), maxAge)
end
return answers
`;

/**
 * ARGV: channel, 'latest', 'earliest' or an epoch, a number, how many events, how many bytes, now less the age that is
 * kept, how many events are kept. Answers {epoch or '', lives, head, first, news, a page}.
 */
export const READ_SCRIPT = `${LUA_LOG}
local c, after, number = ARGV[1], ARGV[2], tonumber(ARGV[3])
local state = stateOf(c)
local first = firstOf(c, state, tonumber(ARGV[7]), tonumber(ARGV[6]))
local page = {}
if state.epoch and after ~= 'latest' then
  local from = after == state.epoch and math.max(first, number + 1) or first
  if from <= state.head then page = pageFrom(c, from, tonumber(ARGV[4]), tonumber(ARGV[5])) end
end
return {state.epoch or '', text(state.lives), text(state.head), text(first), text(news()), page}
`;

/**
 * What is new for those who read live. ARGV: the news that are known, how many bytes of events at once, how many
 * events are kept; then for each channel its name, epoch or '', lives, number and the news that its reader knows.
 *
 * Answers {news, and for each channel that has any}: {its place in the list from 1, 'over' where its life has ended,
 * 'lost' where events are gone that were not seen, else 'more', epoch, head, a page, and what is not stored as news,
 * sender, type, json one after the other}.
 */
export const LOOK_SCRIPT = `${LUA_LOG}
local known, now, room = tonumber(ARGV[1]), news(), tonumber(ARGV[2])
if known == now then return {text(now)} end
local answers = {text(now)}
for at = 4, #ARGV, 5 do
  local c, epoch, lives, number, seen = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4]
  local place = (at - 4) / 5 + 1
  local state = stateOf(c)
  local isOver = state.lives ~= lives or (epoch ~= '' and state.epoch ~= epoch)
  if isOver then
    answers[#answers + 1] = {place, 'over'}
  elseif state.head > number and firstOf(c, state, tonumber(ARGV[3])) > number + 1 then
    answers[#answers + 1] = {place, 'lost'}
  else
    local page, unstored = {}, {}
    if state.head > number then
      local length
      page, length = pageFrom(c, number + 1, 1000, room)
      room = math.max(0, room - length)
    end
    for _, entry in ipairs(call('XRANGE', unstoredKey(c), '(' .. seen, '+')) do
      local fields = fieldsOf(entry)
      unstored[#unstored + 1] = text(numberOf(entry[1]))
      unstored[#unstored + 1] = fields.o
      unstored[#unstored + 1] = fields.t
      unstored[#unstored + 1] = fields.j
    end
    if #page > 0 or #unstored > 0 then
      answers[#answers + 1] = {place, 'more', state.epoch or '', text(state.head), page, unstored}
    end
  end
end
return answers
`;

/** How long an event that is not stored waits for those who are late to look, in milliseconds, and how many do. */
const UNSTORED_MS = 30_000;
const MAX_UNSTORED = 500;

/**
 * Events that are not stored. ARGV: channel, now, publishes a second (0 where they are not counted), who publishes
 * ('' where that does not count), who is not to get them; then type and JSON of each. Answers how long to wait, or 0.
 */
export const BROADCAST_SCRIPT = `${LUA_LOG}
local c, perSecond = ARGV[1], tonumber(ARGV[3])
if perSecond > 0 and ARGV[4] ~= '' then
  local wait = takePublishes(c, ARGV[4], perSecond, (#ARGV - 5) / 2, tonumber(ARGV[2]))
  if wait > 0 then return wait end
end
for at = 6, #ARGV, 2 do
  call('XADD', unstoredKey(c), 'MAXLEN', '~', ${MAX_UNSTORED}, text(call('INCR', P .. ':news')) .. '-0',
    'o', ARGV[5], 't', ARGV[at], 'j', ARGV[at + 1])
end
call('PEXPIRE', unstoredKey(c), ${UNSTORED_MS})
return 0
`;

/** ARGV: channel, now, publishes a second, who, how many. Answers how long to wait, or 0. */
export const TAKE_RATE_SCRIPT = `${LUA_LOG}
return takePublishes(ARGV[1], ARGV[4], tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[2]))
`;

/** ARGV: channel. Ends its life; answers 1 where there was one. Its duplicates are known by the epoch, and end by themselves. */
export const DELETE_SCRIPT = `${LUA_LOG}
local c = ARGV[1]
local state = stateOf(c)
if not state.epoch then return 0 end
call('DEL', logKey(c), unstoredKey(c), producerKey(c))
call('HDEL', channelKey(c), 'epoch', 'head', 'first')
call('HSET', channelKey(c), 'lives', text(state.lives + 1), 'last', state.epoch)
call('ZREM', P .. ':dir', c)
call('HDEL', P .. ':born', c)
call('INCR', P .. ':news')
return 1
`;

/** ARGV: the bounds of ZRANGEBYLEX, how many. Answers name and time of birth of each. */
export const LIST_CHANNELS_SCRIPT = `
local names = redis.call('ZRANGEBYLEX', KEYS[1] .. ':dir', ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
local answer = {}
for _, name in ipairs(names) do
  answer[#answer + 1] = name
  answer[#answer + 1] = redis.call('HGET', KEYS[1] .. ':born', name)
end
return answer
`;
