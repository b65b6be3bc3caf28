/**
 * Turns, for orders that want the same product. An order reads, decides in TypeScript, and writes if nothing changed
 * meanwhile; with hundreds at once nearly every one would find that something has. So who lost once queues up at the
 * products it lost: while there is a queue, only its head may try, and it is told what the products are now, so that
 * its next try succeeds. First come, first served, and nobody starves.
 *
 * A turn lasts for a time only (`l:`, which Redis ends by itself), so a head that died holds up the rest for no longer.
 * An order of several products may try when it is the head of one of their queues: two heads can then make each other
 * lose a try, and never wait for each other. In a queue are isolates rather than orders: those of one isolate take
 * turns among themselves first (redis-orders.ts), which costs no commands.
 */
export const LUA_TURNS = `
local function turnsKey(product) return P .. ':t:' .. product end
local function leaseKey(product) return P .. ':l:' .. product end
local function begin(product, holder, ms) call('SET', leaseKey(product), holder, 'PX', ms) end
local function headOf(product, me, ms)
  while true do
    local first = call('ZRANGE', turnsKey(product), 0, 0)[1]
    if not first then return nil end
    if call('GET', leaseKey(product)) == first then return first end
    if first == me then
      begin(product, me, ms)
      return me
    end
    call('ZREM', turnsKey(product), first)
    local following = call('ZRANGE', turnsKey(product), 0, 0)[1]
    if following then begin(product, following, ms) end
  end
end
local function leaveTurn(product, me, ms)
  local first = call('ZRANGE', turnsKey(product), 0, 0)[1]
  if not first then return end
  call('ZREM', turnsKey(product), me)
  if first ~= me then return end
  local following = call('ZRANGE', turnsKey(product), 0, 0)[1]
  if following then begin(product, following, ms) else call('DEL', leaseKey(product)) end
end
local function leaveTurns(turn)
  for _, product in ipairs(turn.products) do leaveTurn(product, turn.id, turn.leaseMs) end
end
local function mayTry(turn)
  local isBlocked = false
  for _, product in ipairs(turn.products) do
    local first = headOf(product, turn.id, turn.leaseMs)
    if first == turn.id then return true end
    if first then isBlocked = true end
  end
  return not isBlocked
end
local function waitForTurn(turn, products)
  local place = 0
  if not turn.joins then products = {} end
  for _, product in ipairs(products) do
    if call('EXISTS', turnsKey(product)) == 0 then begin(product, turn.id, turn.leaseMs) end
    call('ZADD', turnsKey(product), 'NX', call('INCR', P .. ':ticket'), turn.id)
    call('PEXPIRE', turnsKey(product), 60000)
    place = math.max(place, call('ZRANK', turnsKey(product), turn.id))
  end
  local answer = {'turn', place}
  for _, product in ipairs(turn.products) do
    local row = call('HMGET', recordKey('products', product), 'v', 'b')
    answer[#answer + 1] = row[1] or ''
    answer[#answer + 1] = row[2] or ''
  end
  return answer
end
`;
