/**
 * `bun bench/redis/logs.ts`: the CPU of Redis for a message of a kept topic, beside PUBLISH alone and beside the way
 * that Centrifugo keeps history: a hash with the number and the epoch, a stream, and a publish, in one script.
 */
import { createClient } from "redis";
import { APPEND } from "../../adapters/redis/log_scripts.ts";
import { RedisServer } from "../../tests/redis/redis_server.ts";

const CHANNELS = 50;
const COUNT = Number(process.argv[2] ?? 20_000);
const ROUNDS = 5;
const TEXT = "x".repeat(200);

/**
 * Our own words for what Centrifugo's script does today, with as many keys and arguments, and the branches that a plain
 * publish takes. KEYS: stream, hash, result. ARGV: payload, size, seconds, channel, seconds of the hash, epoch, what
 * publishes, seconds of the result, whether there are deltas, version, epoch of the version.
 */
const HISTORY = `local stream, meta, result = KEYS[1], KEYS[2], KEYS[3]
local payload, size, seconds, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local metaSeconds, fresh, publish = ARGV[5], ARGV[6], ARGV[7]
local resultSeconds, deltas, version, versionEpoch = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
if resultSeconds ~= '' then
  local known = redis.call('HMGET', result, 'e', 's')
  if known[1] then return { known[2], known[1], '1', '0' } end
end
local epoch = redis.call('HGET', meta, 'e')
if not epoch then
  epoch = fresh
  redis.call('HSET', meta, 'e', epoch)
end
if version ~= '0' then
  local before = redis.call('HMGET', meta, 'v', 've')
  if before[1] and tonumber(before[1]) >= tonumber(version) and before[2] == versionEpoch then
    return { redis.call('HGET', meta, 's'), epoch, '0', '1' }
  end
  redis.call('HSET', meta, 'v', version, 've', versionEpoch)
end
local n = redis.call('HINCRBY', meta, 's', 1)
if metaSeconds ~= '0' then redis.call('EXPIRE', meta, metaSeconds) end
redis.call('XADD', stream, 'MAXLEN', size, n, 'd', payload)
redis.call('EXPIRE', stream, seconds)
if channel ~= '' then
  redis.call(publish, channel, '__p1:' .. n .. ':' .. epoch .. '__' .. payload)
end
if resultSeconds ~= '' then
  redis.call('HSET', result, 'e', epoch, 's', n)
  redis.call('EXPIRE', result, resultSeconds)
end
return { n, epoch, '0', '0' }`;

const redis = await RedisServer.start();
const client = await createClient({ url: redis.url }).connect();
const hearer = await client.duplicate().connect();
const channels = Array.from({ length: CHANNELS }, (_, at) => `c${at}`);
await hearer.subscribe(channels, () => {});
const history = await client.scriptLoad(HISTORY);
const append = await client.scriptLoad(APPEND);
const run = /run_id:(\w{12})/.exec(await client.info("server"))?.[1] ?? "";
const epochs = new Map<string, string>();
let tags = 0;

function ours(channel: string, texts: string[]): Promise<unknown> {
  const sent = client.evalSha(append, {
    keys: [`{${channel}}@log`],
    arguments: [
      ...[run, epochs.get(channel) ?? "", "9999999999", "101", "PUBLISH"],
      ...[channel, epochs.has(channel) ? "" : "0 0 1 - -"],
      ...texts.map((text) =>
        `abcdefabcdef-${
          (tags++).toString(36)
        } ${text.length} 1790000000000 ${text}`
      ),
    ],
  });
  if (epochs.has(channel)) return sent;
  return sent.then((answer) =>
    void epochs.set(channel, String(answer).replace(/-.*/, "-*"))
  );
}

const ways: Record<
  string,
  { at: (channel: string) => Promise<unknown>; messages: number }
> = {
  publish: { at: (channel) => client.publish(channel, TEXT), messages: 1 },
  "kept topic": { at: (channel) => ours(channel, [TEXT]), messages: 1 },
  "kept topic, ten in a turn": {
    at: (channel) => ours(channel, Array(10).fill(TEXT)),
    messages: 10,
  },
  "Centrifugo's way": {
    at: (channel) =>
      client.evalSha(history, {
        keys: [`s${channel}`, `h${channel}`, ""],
        arguments: [
          ...[TEXT, "100", "300", channel, "86400", "epoch", "publish"],
          ...["", "0", "0", ""],
        ],
      }),
    messages: 1,
  },
};

const best = new Map<string, number>();
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, { at, messages }] of Object.entries(ways)) {
    const before = await cpu();
    for (let sent = 0; sent < COUNT / messages; sent += CHANNELS) {
      await Promise.all(channels.map(at));
    }
    const us = (await cpu() - before) / COUNT * 1e6;
    if (round > 0) best.set(name, Math.min(best.get(name) ?? Infinity, us));
  }
}
for (const [name, us] of best) {
  const ratio = us / (best.get("Centrifugo's way") ?? NaN);
  console.log(`${name}: ${us.toFixed(2)} µs a message, ${ratio.toFixed(2)}`);
}
client.destroy();
hearer.destroy();
await redis.end();

async function cpu(): Promise<number> {
  const info = await redis.command("INFO", "cpu");
  const number = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0);
  return number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/);
}
