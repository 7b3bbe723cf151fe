-- One round of one node: its ask, its notices, and what the others have said since.
--
-- The ask is answered exactly as preau-gate's `Ledger` does (crates/preau-gate/src/fleet.rs); a test puts
-- the same asks to both. Numbers of 64 bits come as sixteen hexadecimal digits, because Lua would round
-- them; digits of one length compare as the numbers do.
--
-- KEYS  1 leases: hash, node -> "number:seats:wanted:heard", and "learning"
--       2 watermarks: the furthest, 16 digits each
--       3 seats: hash, "seats", "changed" (ms), "configured"
--       4 notices: stream, one entry a batch
-- ARGV  1 node  2 number, or "" where it is not time to ask  3 number granted last  4 holds  5 seated
--       6 wanted  7 leaving (0, 1)  8 watermarks  9 former node, or ""
--       10 seats  11 changed (ms)  12 configured  13 joining (0, 1)
--       14 cursor  15 batches to read  16… batches to write
-- gives now (ms), seats, changed, configured, the last notice there was, the last that this round wrote,
--       the cursor, how many batches were read; then the grant: "no" (not asked), "late", "many", or
--       "yes" with lease, target, nodes, watermarks; then the batches of others
local SILENT, LEARNING, DEAD, NODES = 600000, 10000, 5000, 64
local DAYS, MONTH, BATCHES = 172800000, 2678400000, 16384

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number)
  return string.format('%.0f', number)
end

local function since(earlier)
  return math.max(now - earlier, 0)
end

-- Seats: the newest word counts. A node that starts with another number in its configuration than was
-- there before brings a new word; one that only comes back does not.
local house = redis.call('HMGET', KEYS[3], 'seats', 'changed', 'configured')
local seats, changed, configured = tonumber(house[1]), tonumber(house[2]), tonumber(house[3])
if ARGV[13] == '1' and configured and configured ~= tonumber(ARGV[12]) then
  seats, changed, configured = tonumber(ARGV[12]), now, tonumber(ARGV[12])
end
if not seats or tonumber(ARGV[11]) > changed then
  seats, changed = tonumber(ARGV[10]), tonumber(ARGV[11])
end
configured = configured or tonumber(ARGV[12])

-- Shares add up to the seats: what does not divide goes one by one to the nodes with the lowest numbers.
local function fair_share(node, own, others, all)
  local enough = all <= seats
  local function share(wanted)
    if enough then
      return wanted + math.floor((seats - all) / (#others + 1))
    end
    -- Exact: the product has 52 bits at most, and a quotient rounded to a double could be one too many.
    local product = seats * wanted
    return (product - math.fmod(product, all)) / all
  end
  local left, before = seats - share(own), 0
  for _, other in ipairs(others) do
    left = left - share(other.wanted)
    if other.node < node and (enough or other.wanted > 0) then
      before = before + 1
    end
  end
  local one_more = (enough or own > 0) and before < left
  return share(own) + (one_more and 1 or 0)
end

local function renew()
  local node, number = ARGV[1], ARGV[2]
  local holds, seated, wanted = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  local leaving = ARGV[7] == '1'
  local learning, known, count = 0, nil, 0
  local leased, others, all = 0, {}, wanted
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do
    local who = flat[i]
    if who == 'learning' then
      learning = tonumber(flat[i + 1])
    else
      local last, held, want, heard = string.match(flat[i + 1], '^(%x+):(%d+):(%d+):(%d+)$')
      heard = tonumber(heard)
      if since(heard) >= SILENT or (who == ARGV[9] and since(heard) >= DEAD) then
        redis.call('HDEL', KEYS[1], who)
      else
        count = count + 1
        if who == node then
          known = last
        else
          leased = leased + tonumber(held)
          others[#others + 1] = { node = who, wanted = tonumber(want) }
          all = all + tonumber(want)
        end
      end
    end
  end
  if known and number <= known then
    return { 'late' }
  end
  if not known and count >= NODES then
    return { 'many' }
  end
  local forgotten = ARGV[3] > (known or '0000000000000000')
  if forgotten or count == 0 or learning > now then
    learning = now
  end
  local told = redis.call('GET', KEYS[2])
  local watermarks = ''
  for at = 1, #ARGV[8], 16 do
    local own = string.sub(ARGV[8], at, at + 15)
    local other = told and string.sub(told, at, at + 15) or own
    watermarks = watermarks .. (other > own and other or own)
  end
  local nodes = known and count or count + 1
  local fair = leaving and 0 or fair_share(node, wanted, others, all)
  local room = math.max(seats - leased, 0)
  holds = math.max(holds, seated)
  local lease = holds
  if fair > holds and since(learning) >= LEARNING then
    lease = math.min(fair, math.max(room, holds))
  end
  if leaving and seated == 0 then
    redis.call('HDEL', KEYS[1], node)
    nodes = nodes - 1
  else
    local noted = { number, whole(lease), whole(leaving and 0 or wanted), whole(now) }
    redis.call('HSET', KEYS[1], node, table.concat(noted, ':'))
  end
  redis.call('HSET', KEYS[1], 'learning', whole(learning))
  redis.call('PEXPIRE', KEYS[1], SILENT)
  redis.call('SET', KEYS[2], watermarks, 'PX', DAYS)
  redis.call('HSET', KEYS[3], 'seats', whole(seats), 'changed', whole(changed), 'configured', whole(configured))
  redis.call('PEXPIRE', KEYS[3], MONTH)
  return { 'yes', whole(lease), whole(math.min(fair, room)), whole(nodes), watermarks }
end

local grant = ARGV[2] == '' and { 'no' } or renew()

-- Is the entry `one` before `other`?
local function before(one, other)
  local time_one, place_one = string.match(one, '^(%d+)-(%d+)$')
  local time_other, place_other = string.match(other, '^(%d+)-(%d+)$')
  time_one, time_other = tonumber(time_one), tonumber(time_other)
  if time_one ~= time_other then
    return time_one < time_other
  end
  return tonumber(place_one) < tonumber(place_other)
end

local tail = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
local last = tail[1] and tail[1][1] or '0-0'
local cursor = ARGV[14]
if before(last, cursor) then
  -- The notices read are not here: this is another memory, to be read from its beginning.
  cursor = '0-0'
end
local written = ''
for i = 16, #ARGV do
  written = redis.call('XADD', KEYS[4], 'MAXLEN', '~', BATCHES, '*', 'node', ARGV[1], 'batch', ARGV[i])
end
if written ~= '' then
  redis.call('XTRIM', KEYS[4], 'MINID', '~', whole(now - SILENT))
  redis.call('PEXPIRE', KEYS[4], SILENT)
end
local entries = redis.call('XRANGE', KEYS[4], '(' .. cursor, '+', 'COUNT', ARGV[15])
local reply = {
  whole(now), whole(seats), whole(changed), whole(configured), last, written,
  #entries > 0 and entries[#entries][1] or cursor, whole(#entries),
}
for _, part in ipairs(grant) do
  reply[#reply + 1] = part
end
for _, entry in ipairs(entries) do
  if entry[2][2] ~= ARGV[1] then
    reply[#reply + 1] = entry[2][4]
  end
end
return reply
