/**
 * The scripts of the presence store in Redis. Each one is atomic.
 *
 * There are three kinds of keys, all in one slot of a cluster: the set of nodes that have members; for each node a hash
 * of its members' texts; and for each node a sorted set with a line for each pair of set and member. Sets need no keys
 * of their own, so a node renews two keys, however many rooms it has.
 *
 * @module
 */

/**
 * The first two steps of two scripts: renew a node's keys and its entry in the set of nodes, or delete all of it. Where
 * Redis has evicted one of the two keys the other goes too, so that the node notices with its next renewal.
 */
const KEEP = `
if redis.call('PEXPIRE', KEYS[2], ARGV[1]) == 1
  and redis.call('PEXPIRE', KEYS[3], ARGV[1]) == 1 then
  redis.call('SADD', KEYS[1], ARGV[2])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
else
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('SREM', KEYS[1], ARGV[2])
end`;

/**
 * KEYS: nodes, texts, lines. ARGV: milliseconds, node; then for each of ZREM, HDEL, HSET, ZADD the number of arguments
 * and the arguments. A call in a script takes a few thousand arguments at most, so they are passed a thousand at a
 * time.
 */
export const WRITE: string = `local at = 3
local function run(name, key)
  local last = at + tonumber(ARGV[at])
  for from = at + 1, last, 1000 do
    redis.call(name, key, unpack(ARGV, from, math.min(from + 999, last)))
  end
  at = last + 1
end
-- This line is always there, so that the key is: without it the lines of all members are lost.
if redis.call('ZADD', KEYS[3], 0, ' ') == 1 then redis.call('DEL', KEYS[2]) end
run('ZREM', KEYS[3])
run('HDEL', KEYS[2])
run('HSET', KEYS[2])
run('ZADD', KEYS[3])${KEEP}
return 1`;

/** KEYS and ARGV as above, without the arguments. */
export const RENEW: string = `${KEEP.trim()}
return redis.call('HLEN', KEYS[2])`;

/** KEYS as above. ARGV: node. */
export const CLEAR: string = `redis.call('DEL', KEYS[2], KEYS[3])
return redis.call('SREM', KEYS[1], ARGV[1])`;

/** KEYS: nodes. */
export const NODES: string = `return redis.call('SMEMBERS', KEYS[1])`;

/** A crashed node is still in the set; the next reader removes it. */
const STRIKE = `local function strike(at)
  if redis.call('EXISTS', KEYS[at]) == 0 then
    redis.call('SREM', KEYS[1], ARGV[2 + at / 2])
  end
end
`;

/** KEYS: nodes, then texts and lines of each node. ARGV: the first line and the one after the last, or two empty ones; then the nodes. */
export const COUNT: string = `${STRIKE}local counts = {}
for at = 2, #KEYS, 2 do
  local count
  if ARGV[1] == '' then count = redis.call('HLEN', KEYS[at])
  else count = redis.call('ZLEXCOUNT', KEYS[at + 1], ARGV[1], ARGV[2]) end
  if count == 0 then strike(at) end
  counts[at / 2] = count
end
return counts`;

/**
 * Reads a page of each node. KEYS as above. ARGV: the page size, the line after the last or an empty one; then the
 * nodes; then where to continue for each: a line, or a cursor of HSCAN. Returns for each node where to continue, empty
 * at the end, and names and texts.
 */
export const LIST: string = `${STRIKE}local pages = {}
local nodes = (#KEYS - 1) / 2
for at = 2, #KEYS, 2 do
  local from = ARGV[2 + nodes + at / 2]
  local goOn, found = '', {}
  if ARGV[2] == '' then
    local reply = redis.call('HSCAN', KEYS[at], from, 'COUNT', ARGV[1])
    found = reply[2]
    if reply[1] ~= '0' then goOn = reply[1] end
  else
    local lines = redis.call('ZRANGEBYLEX', KEYS[at + 1], from, ARGV[2], 'LIMIT', 0, ARGV[1])
    if #lines > 0 then
      local names = {}
      for i, line in ipairs(lines) do names[i] = string.match(line, ' (.*)') end
      local texts = redis.call('HMGET', KEYS[at], unpack(names))
      for i, name in ipairs(names) do
        if texts[i] then found[#found + 1] = name; found[#found + 1] = texts[i] end
      end
    end
    if #lines == tonumber(ARGV[1]) then goOn = '(' .. lines[#lines] end
  end
  if #found == 0 and goOn == '' then strike(at) end
  pages[at / 2] = { goOn, found }
end
return pages`;
