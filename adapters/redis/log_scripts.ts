/**
 * The scripts that keep the logs of kept topics in Redis 7. Each is one step for everybody else.
 *
 * A log is one stream. The first part of its entries' ids names the epoch: the time in milliseconds and six random
 * digits, so that a later epoch is larger and no two are the same. The second part is the number, which XADD continues
 * by itself. The one field of an entry is named after the run of the server that wrote it: Redis keeps a name that repeats
 * only once. Its value is the tag, the payload's length in UTF-16 units, when it expires, and the payload; a mark
 * expires at 0.
 *
 * @module
 */

/** How long a log stays after its last append, in milliseconds. */
export const LOG_MS = 86_400_000;

/** How many bytes a page of a read has, roughly. */
const PAGE_BYTES = 1_048_576;

const START = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key = KEYS[1]
local run = ARGV[1]
if run == '' then
  run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end
local function newest()
  return redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
end
-- The name of an epoch that comes after another one.
local function begin(before)
  local ms = now
  if before and before ~= '' then
    ms = math.max(ms, tonumber(string.sub(before, 1, -7)) + 1)
  end
  return string.format('%.0f', ms) .. ARGV[2]
end
-- Begins an epoch; a stream whose ids are ahead without an entry to show it is made anew.
local function beginWith(before, limit, value)
  local first = begin(before)
  local id = redis.pcall('XADD', key, 'MAXLEN', '~', limit, first .. '-0', run, value)
  if type(id) == 'table' and id.err then
    redis.call('DEL', key)
    redis.call('XADD', key, first .. '-0', run, value)
  end
  return first
end
`;

/**
 * Appends. KEYS: the log; the channel where it is sharded; the key that stands for the application's id, if there is one.
 * ARGV: the run, or nothing to look for it; six digits; the server's time until which it may be done; the time
 * before which it may not; how many entries are kept; for how long; the epoch, nothing where it is not known, `new` for another
 * one; what publishes; the channel; how many keys there are before that of the id; a tag to look for first; then for
 * each message its tag and length, and its payload.
 *
 * Gives the epoch, the number of the first message, and how many were stored, or why it was not done.
 */
export const APPEND: string = `${START}
if now > tonumber(ARGV[3]) then return { 'late', string.format('%.0f', now) } end
if now < tonumber(ARGV[4]) then return { 'early', string.format('%.0f', now) } end
local limit, first = ARGV[5], ARGV[7]
if ARGV[11] ~= '' then
  local start = ARGV[11] .. ' '
  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
    if string.sub(entry[2][2], 1, #start) == start then
      local epoch, n = string.match(entry[1], '(%d+)-(%d+)')
      return { epoch, n, 1 }
    end
  end
end
local idKey = KEYS[tonumber(ARGV[10]) + 1]
if idKey then
  local known = redis.call('GET', idKey)
  if known then
    local epoch, n, tag = string.match(known, '(%d+)-(%d+) (.*)')
    if redis.call('XRANGE', key, epoch .. '-' .. n, epoch .. '-' .. n)[1] then
      return { epoch, n, 0, tag }
    end
  end
end
local gone = ' ' .. string.format('%.0f', now + ARGV[6]) .. ' '
local ids = {}
local function value(at) return ARGV[at] .. gone .. ARGV[at + 1] end
local function add()
  return redis.pcall('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', limit, first .. '-*', run, value(12))
end
local id = false
if first ~= '' and first ~= 'new' and ARGV[1] ~= '' then
  id = add()
  if type(id) == 'string' and string.sub(id, -2) == '-0' then
    redis.call('XDEL', key, id) -- the stream was made anew behind this epoch
    id = false
  end
end
if type(id) ~= 'string' then
  local last = newest()
  local current = last and string.match(last[1], '%d+')
  if current and first ~= 'new' and last[2][1] == run then
    first = current
    id = add()
    if type(id) ~= 'string' then return redis.error_reply(id and id.err or 'XADD gave nothing') end
  else
    if first == 'new' then first = '' end
    local before = first
    if current and (before == '' or #current > #before or #current == #before and current > before) then
      before = current
    end
    first = beginWith(before, limit, value(12))
    id = first .. '-0'
  end
end
local n = string.match(id, '-(%d+)')
ids[1] = id
local text = { '\\1', first, ' ', n, ' ', ARGV[12], ' ', ARGV[13] }
for at = 14, #ARGV, 2 do
  ids[#ids + 1] = redis.call('XADD', key, 'MAXLEN', '~', limit, first .. '-*', run, value(at))
  text[#text + 1] = ARGV[at]
  text[#text + 1] = ' '
  text[#text + 1] = ARGV[at + 1]
end
redis.call('PEXPIRE', key, ${LOG_MS})
local published = redis.pcall(ARGV[8], ARGV[9], table.concat(text))
if type(published) == 'table' and published.err then
  redis.call('XDEL', key, unpack(ids)) -- a script is no transaction
  return published
end
if idKey then
  redis.call('SET', idKey, id .. ' ' .. string.match(ARGV[12], '^%S+'), 'PX', ARGV[6])
end
return { first, n, #ids }`;

/**
 * Reads. KEYS: the log. ARGV: the run, or nothing; six digits; the epoch and the number after which it reads, both
 * nothing for the newest; how many messages; the tag of a mark.
 *
 * Gives the time, the newest entry, and the entries: from the one at the position on, or the newest one first.
 */
export const READ: string = `${START}
local last = newest()
if not last or last[2][1] ~= run then
  beginWith(last and string.match(last[1], '%d+'), 20000, ARGV[6] .. ' 0 0 ')
  redis.call('PEXPIRE', key, ${LOG_MS})
  last = newest()
end
local entries, bytes, left = {}, 0, tonumber(ARGV[5]) + 1
local forward = ARGV[3] ~= ''
local from = forward and ARGV[3] .. '-' .. ARGV[4] or '+'
if forward and string.match(last[1], '%d+') ~= ARGV[3] then left = 0 end
while left > 0 and bytes < ${PAGE_BYTES} do
  local count = math.min(left, 50)
  local page
  if forward then page = redis.call('XRANGE', key, from, '+', 'COUNT', count)
  else page = redis.call('XREVRANGE', key, from, '-', 'COUNT', count) end
  for _, entry in ipairs(page) do
    if bytes < ${PAGE_BYTES} or #entries < 2 then
      entries[#entries + 1] = { entry[1], entry[2][2] }
      bytes = bytes + #entry[2][2]
      from = '(' .. entry[1]
    end
  end
  left = left - #page
  if #page < count then left = 0 end
end
return { string.format('%.0f', now), { last[1], last[2][2] }, entries }`;

/** Asks a server for its version and run, and its time. */
export const ASK: string = `local time = redis.call('TIME')
return { redis.call('INFO', 'server'), string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }`;
