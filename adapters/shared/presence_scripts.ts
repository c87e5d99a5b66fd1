/**
 * The scripts that keep who is connected in Redis. Each is one step for everybody else.
 *
 * Three kinds of keys, all in one slot of a cluster: the set of the nodes that have members; of each node a hash of
 * its members' texts, and a sorted set with a line for each set that a member is in. Sets need no keys of their own, so
 * a node renews two keys, however many rooms it has.
 *
 * @module
 */

/** The first two steps of two scripts: a node's keys live on, and its name among the nodes; or all of it goes. */
const KEEP = `
if redis.call('PEXPIRE', KEYS[2], ARGV[1]) == 1 then
  redis.call('PEXPIRE', KEYS[3], ARGV[1])
  redis.call('SADD', KEYS[1], ARGV[2])
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
else
  redis.call('DEL', KEYS[3])
  redis.call('SREM', KEYS[1], ARGV[2])
end`;

/**
 * KEYS: nodes, texts, lines. ARGV: milliseconds, node; then for each of ZREM, HDEL, HSET, ZADD how many arguments, and
 * these. Redis gives a script's call no more than some thousand arguments: a thousand at a time.
 */
export const WRITE: string = `local at = 3
local function run(name, key)
  local last = at + tonumber(ARGV[at])
  for from = at + 1, last, 1000 do
    redis.call(name, key, unpack(ARGV, from, math.min(from + 999, last)))
  end
  at = last + 1
end
run('ZREM', KEYS[3])
run('HDEL', KEYS[2])
run('HSET', KEYS[2])
run('ZADD', KEYS[3])${KEEP}
return 1`;

/** KEYS and ARGV as above, but for the arguments. */
export const RENEW: string = `${KEEP.trim()}
return redis.call('HLEN', KEYS[2])`;

/** KEYS as above. ARGV: node. */
export const CLEAR: string = `redis.call('DEL', KEYS[2], KEYS[3])
return redis.call('SREM', KEYS[1], ARGV[1])`;

/** KEYS: nodes. */
export const NODES: string = `return redis.call('SMEMBERS', KEYS[1])`;

/** A node that crashed is still named; whoever reads strikes it out. */
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
 * A page of each node. KEYS as above. ARGV: how many, the one after the last line or empty; then the nodes; then where
 * to go on, for each: a line, or a cursor of HSCAN. Gives for each where to go on, empty at the end, and names and texts.
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
