/**
 * The scripts that keep the logs of kept topics in Redis 7. Each is one step for everybody else.
 *
 * A log is one stream. The first part of its entries' ids names the epoch: the time in milliseconds and six digits
 * more, so that a later epoch is larger and no two are the same. The second part is the number, which XADD continues
 * by itself. The one field of an entry is named after the run of the server that wrote it: Redis keeps a name that repeats
 * only once. Its value is the tag, the payload's length in UTF-16 units, when it expires, and the payload; a mark
 * expires at 0.
 *
 * @module
 */

/** How long a log stays after its last append, in milliseconds: a day, and the hour in which a node need not renew it. */
export const LOG_MS = 90_000_000;

/** How many bytes a page of a read has, roughly. */
const PAGE_BYTES = 1_048_576;

const FUNCTIONS = `local function newest()
  return redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
end
-- Begins an epoch after another one; a stream whose ids are ahead without an entry to show it is made anew.
local function begin(before, limit, value)
  local ms = time[1] * 1000 + math.floor(time[2] / 1000)
  if before then ms = math.max(ms, tonumber(string.sub(before, 1, -7)) + 1) end
  local first = string.format('%.0f%06d', ms, time[2])
  local id = redis.pcall('XADD', key, 'MAXLEN', '~', limit, first .. '-0', run, value)
  if type(id) == 'table' and id.err then
    redis.call('DEL', key)
    redis.call('XADD', key, first .. '-0', run, value)
  end
  return first
end
`;
const RUN = `if run == '' then
  run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'), 1, 12)
end
`;

/**
 * Appends. KEYS: the log; the channel where it is sharded; the key that stands for the application's id, if there is one.
 * ARGV: the run, or nothing to look for it; the epoch and `-*`, or nothing; the last second of the server's time in
 * which it may be done; how many entries are kept; what publishes; the channel; what is special, mostly nothing, else five
 * words: the first second in which it may be done, for how long an id is known, how many keys there are before that of the
 * id, `new` for another epoch, and a tag to look for first; then the messages, each its tag, length, end and payload.
 *
 * What most calls do comes first, and does nothing that it need not: a fifth of the time went into what is now below.
 *
 * Gives the id of the first message; or that of the one that is there, in a list with its tag; or why it was not done.
 */
export const APPEND: string = `local time = redis.call('TIME')
if time[1] > ARGV[3] then return 'late' end
local key, run, start, special = KEYS[1], ARGV[1], ARGV[2], ARGV[7]
local id, idKey, idMs
if special == '' then
  id = redis.pcall('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[4], start, run, ARGV[8])
  if type(id) ~= 'string' or string.sub(id, -2) == '-0' then special = '0 0 9 - -' end
end
if special ~= '' then
${FUNCTIONS}${RUN}
  if type(id) == 'string' then redis.call('XDEL', key, id) end -- the stream was made anew behind this epoch
  local early, forMs, before, anew, tag = string.match(special, '(%d+) (%d+) (%d+) (%S+) (%S+)')
  if time[1] < early then return 'early' end
  if tag ~= '-' then
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
      if string.sub(entry[2][2], 1, #tag + 1) == tag .. ' ' then return entry[1] end
    end
  end
  idKey, idMs = KEYS[before + 1], forMs
  if idKey then
    local known, knownTag = string.match(redis.call('GET', idKey) or '', '(%S+) (%S+)')
    if known and redis.call('XRANGE', key, known, known)[1] then return { known, knownTag } end
  end
  local last = newest()
  local current = last and string.match(last[1], '%d+')
  if current and anew ~= 'new' and last[2][1] == run then
    start = current .. '-*'
    id = redis.call('XADD', key, 'MAXLEN', '~', ARGV[4], start, run, ARGV[8])
  else
    local mine = string.match(start, '%d+')
    if mine and current and (#current > #mine or #current == #mine and current > mine) then mine = current end
    local first = begin(mine or current, ARGV[4], ARGV[8])
    start, id = first .. '-*', first .. '-0'
  end
  redis.call('PEXPIRE', key, ${LOG_MS})
end
local ids, text = nil, ARGV[8]
if ARGV[9] then
  ids = { id }
  for at = 9, #ARGV do
    ids[at - 7] = redis.call('XADD', key, 'MAXLEN', '~', ARGV[4], start, run, ARGV[at])
  end
  text = table.concat(ARGV, '', 8)
end
local published = redis.pcall(ARGV[5], ARGV[6], '\\1' .. id .. ' ' .. text)
if type(published) == 'table' and published.err then
  redis.call('XDEL', key, unpack(ids or { id })) -- a script is no transaction
  return published
end
if idKey then redis.call('SET', idKey, id .. ' ' .. string.match(ARGV[8], '%S+'), 'PX', idMs) end
return id`;

/**
 * Reads. KEYS: the log. ARGV: the run, or nothing; the epoch and the number after which it reads, both
 * nothing for the newest; how many messages; the tag of a mark.
 *
 * Gives the time, the newest entry, and the entries: from the one at the position on, or the newest one first.
 */
export const READ: string = `local time = redis.call('TIME')
local key, run = KEYS[1], ARGV[1]
${FUNCTIONS}${RUN}
local last = newest()
if not last or last[2][1] ~= run then
  begin(last and string.match(last[1], '%d+'), 20000, ARGV[5] .. ' 0 0 ')
  redis.call('PEXPIRE', key, ${LOG_MS})
  last = newest()
end
local entries, bytes, left = {}, 0, tonumber(ARGV[4]) + 1
local forward = ARGV[2] ~= ''
local from = forward and ARGV[2] .. '-' .. ARGV[3] or '+'
if forward and string.match(last[1], '%d+') ~= ARGV[2] then left = 0 end
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
return { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), { last[1], last[2][2] }, entries }`;

/** Asks a server for its version and run, and its time. */
export const ASK: string = `local time = redis.call('TIME')
return { redis.call('INFO', 'server'), string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }`;
